package dev.tenon.global;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On a method that handles a call: under a distributed transaction what it writes is prepared by
 * the database, and committed or rolled back by it when the transaction has ended. Until then
 * nobody sees it, and its row locks stay. A call under no transaction just runs.
 *
 * <p>Under a transaction the call runs in one unit of work on the service's own database, and its
 * answer is stored with what it has written: it is seen when that is, so a call that is repeated
 * while the transaction is open is refused as still running. The server needs {@code
 * max_prepared_transactions} above 0.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface XaBranch {

  /**
   * The name under which branches are stored. It must not change while one is open.
   *
   * @return unique in the service; the class's simple name and the method's, unless given
   */
  String type() default "";
}
