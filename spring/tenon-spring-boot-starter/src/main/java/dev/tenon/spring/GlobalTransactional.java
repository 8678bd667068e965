package dev.tenon.spring;

import dev.tenon.global.Nesting;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Runs a bean's method as a distributed transaction, as {@link
 * dev.tenon.global.GlobalTransactions#call} does. On a class, it holds for all its public methods.
 *
 * <p>Make the calls to other services first, and write this service's own rows last: the decision
 * is committed with them, and a call after that is refused. It stands outside of
 * {@code @Transactional} on the same method. Any exception aborts, checked ones too. As with
 * {@code @Transactional}, a call within the same object does not pass through it, and what the
 * method does on other threads is not part of it.
 */
@Documented
@Inherited
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface GlobalTransactional {

  /**
   * From the start to the hard deadline, after which it cannot be committed.
   *
   * @return a duration such as {@code 30s} or {@code PT30S}; {@code tenon.global.timeout} if empty
   */
  String timeout() default "";

  /**
   * What to do where one is under way already.
   *
   * @return join it, unless given
   */
  Nesting nesting() default Nesting.JOIN;
}
