package dev.tenon.invocation;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;

/**
 * On a method that changes something: it is done once for a key that the caller sends as {@code
 * Idempotency-Key}, however often the request is repeated.
 *
 * <p>At the server, the request runs in one unit of work on the service's own database, and its
 * answer is stored by that commit. A repeated request gets the stored answer, with {@code
 * Idempotency-Replayed: true}. A request under a used key that asks for something else is answered
 * with 422, one whose like is still running with 409, one with a key that is too old with 410. A
 * refusal (an answer from 400 to 499) rolls back what was written, and is stored; but 401, 408,
 * 425, 429 and 499 are not, as they invite another try. With any other failure nothing is stored,
 * and the request may be sent again.
 *
 * <p>In Spring MVC, cookies go with the first answer only; answers that are asynchronous or
 * streamed cannot be stored, and such methods are refused when the application starts; multipart
 * requests with a key are answered with 415. A method that opens a transaction of its own, by
 * {@code REQUIRES_NEW}, commits that one by itself.
 *
 * <p>At a typed client, each call gets a key of its own, so that it can be repeated by itself when
 * nobody knows what became of it.
 */
@Documented
@java.lang.annotation.Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface Idempotent {

  /**
   * Whether a request without a key is answered with 400. If not, it runs as if the annotation were
   * not there.
   *
   * @return whether a key is required
   */
  boolean required() default false;
}
