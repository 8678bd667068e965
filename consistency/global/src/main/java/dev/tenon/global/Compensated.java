package dev.tenon.global;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On a method that handles a call: under a distributed transaction its effect is a saga's step,
 * which stands at once, and is undone by another method if the transaction aborts. A call under no
 * transaction just runs.
 *
 * <p>The compensation is a method of the same object. It takes the same parameters, and gets what
 * the call got, from JSON; or one more at the end, a {@link dev.tenon.transaction.UnitOfWork}. It
 * runs in a unit of work that closes the branch, and is repeated until that has committed; after
 * the limit of attempts the branch is parked. Its answer is not used.
 *
 * <p>Under a transaction the call runs in one unit of work on the service's own database, and its
 * answer is stored by that commit, as with an idempotent method.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface Compensated {

  /**
   * The compensation's name.
   *
   * @return a method of the same class
   */
  String by();

  /**
   * The name under which branches are stored. It must not change while one is open.
   *
   * @return unique in the service; the class's simple name and the method's, unless given
   */
  String type() default "";
}
