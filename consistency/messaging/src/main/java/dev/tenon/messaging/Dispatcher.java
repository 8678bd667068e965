package dev.tenon.messaging;

import dev.tenon.runtime.Json;
import dev.tenon.transaction.UnitOfWork;

/** Finds the consumer of a message, reads the payload, and calls it. */
final class Dispatcher {
  private final Subscription subscription;
  private final TraceScope trace;

  Dispatcher(Subscription subscription, TraceScope trace) {
    this.subscription = subscription;
    this.trace = trace;
  }

  /**
   * Handles a message in an open unit of work.
   *
   * @throws UndeliverableException if there is no consumer, or the payload is of no shape it reads
   * @throws Exception what the consumer threw
   */
  void dispatch(Message message, int attempt, UnitOfWork unit) throws Exception {
    Subscription.Registration<?> registration = subscription.consumers().get(message.topic());
    if (registration == null) {
      throw new UndeliverableException(
          "unknown topic: "
              + message.topic()
              + " (expected: one of "
              + subscription.consumers().keySet()
              + ")");
    }
    if (!registration.versions().contains(message.version())) {
      throw new UndeliverableException(
          "unknown version: "
              + message.version()
              + " (expected: one of "
              + registration.versions()
              + ")");
    }
    trace.enter(message);
    try {
      call(registration, new MessageContext(subscription.publisher(), message, attempt, unit));
    } catch (StackOverflowError e) {
      throw new MessagingException("The consumer failed with " + e, e);
    } catch (VirtualMachineError e) {
      throw e;
    } catch (Error e) {
      throw new MessagingException("The consumer failed with " + e, e);
    } finally {
      trace.leave();
    }
  }

  private static <T> void call(Subscription.Registration<T> registration, MessageContext context)
      throws Exception {
    T payload;
    try {
      payload = Json.read(context.message().payload(), registration.type());
    } catch (IllegalArgumentException e) {
      throw new UndeliverableException("unreadable payload: " + e.getMessage(), e);
    }
    registration.consumer().accept(payload, context);
  }
}
