package dev.tenon.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Lets a controller's method run once for a key that the caller sends as {@code Idempotency-Key},
 * however often the request is repeated.
 *
 * <pre>{@code
 * @Idempotent
 * @PostMapping("/orders")
 * Order place(@RequestBody NewOrder order) { ... }
 * }</pre>
 *
 * <p>The request runs in one transaction on the service's own database, which
 * {@code @Transactional} methods join, and its answer is stored by that commit. A repeated request
 * gets the stored answer with the header {@code Idempotency-Replayed: true}. A request under a used
 * key that asks for something else is answered with 422, one whose like is still running with 409,
 * one with a key that is too old with 410. An answer from 400 to 499 is a refusal: whatever the
 * method wrote is rolled back, and the refusal is stored; but 401, 408, 425 and 429 are not, as
 * they invite another try. With 500 and above, or an exception that nobody answers, everything is
 * rolled back and nothing stored.
 *
 * <p>Cookies go with the first answer only. Answers that are asynchronous or streamed cannot be
 * stored: such methods are refused when the application starts. Multipart requests with a key are
 * answered with 415. A method that opens a transaction of its own, by {@code REQUIRES_NEW}, commits
 * that one by itself.
 */
@Documented
@Target(ElementType.METHOD)
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
