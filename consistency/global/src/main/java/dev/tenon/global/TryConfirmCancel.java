package dev.tenon.global;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On a method that handles a call: it is a try, which reserves, and is confirmed when the
 * distributed transaction of the call commits, or cancelled when it aborts. A call under no
 * transaction is refused, as nobody would end what it reserves.
 *
 * <p>Confirm and cancel are methods of the same object. They take the same parameters, and get what
 * the call got, from JSON; or one more at the end, a {@link dev.tenon.transaction.UnitOfWork}. Each
 * runs in a unit of work that closes the branch, and is repeated until that has committed; after
 * the limit of attempts the branch is parked. Confirms of up to 32 transactions may share a unit of
 * work; if it fails, they are repeated, each in one of its own. Neither is run without a try that
 * has committed, or twice with effect. Their answers are not used.
 *
 * <p>The call runs in one unit of work on the service's own database, and its answer is stored by
 * that commit, as with an idempotent method.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface TryConfirmCancel {

  /**
   * The name of what makes the reservation final.
   *
   * @return a method of the same class
   */
  String confirm();

  /**
   * The name of what gives the reservation back.
   *
   * @return a method of the same class
   */
  String cancel();

  /**
   * The name under which branches are stored. It must not change while one is open.
   *
   * @return unique in the service; the class's simple name and the method's, unless given
   */
  String type() default "";
}
