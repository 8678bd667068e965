package dev.tenon.spring;

import dev.tenon.messaging.Subscription;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Lets a method of any bean handle the messages of one topic of another service.
 *
 * <pre>{@code
 * @MessageHandler(from = "order", topic = "order.placed")
 * void reserve(OrderPlaced order) { ... }
 * }</pre>
 *
 * <p>The method takes the payload, and if it wants to the {@link
 * dev.tenon.messaging.MessageContext}. It runs in a transaction of the service's own database: its
 * effects, the messages it publishes and the position it has reached commit together, so effects
 * there happen exactly once. When it throws, everything is rolled back and the message is tried
 * again; past the limit it is parked, and only later messages of its key wait for it. Messages of
 * one key come in order, one at a time; others at the same time.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface MessageHandler {

  /**
   * The service that publishes.
   *
   * @return its name
   */
  String from();

  /**
   * The topic.
   *
   * @return its name
   */
  String topic();

  /**
   * The versions of the payload's shape that the method understands; others are parked.
   *
   * @return versions
   */
  int[] versions() default 1;

  /**
   * The subscription it belongs to. Handlers of one subscription share its position; a subscription
   * of its own can be started over without the others.
   *
   * @return the name
   */
  String subscription() default Subscription.DEFAULT_NAME;

  /**
   * Where the subscription begins when it is new; all handlers of a subscription must agree.
   *
   * @return where
   */
  Subscription.Start start() default Subscription.Start.BEGINNING;
}
