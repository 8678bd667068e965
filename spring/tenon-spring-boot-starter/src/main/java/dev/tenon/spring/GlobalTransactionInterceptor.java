package dev.tenon.spring;

import dev.tenon.global.GlobalTransactions;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.core.annotation.AnnotatedElementUtils;

/** Runs {@link GlobalTransactional} methods. Thread-safe. */
final class GlobalTransactionInterceptor implements MethodInterceptor {
  private final Supplier<GlobalTransactions> global;
  private final Supplier<Duration> timeout;

  GlobalTransactionInterceptor(Supplier<GlobalTransactions> global, Supplier<Duration> timeout) {
    this.global = global;
    this.timeout = timeout;
  }

  /** How a method is to be run; empty if it is not declared. */
  static Optional<GlobalTransactional> declared(Method method, @Nullable Class<?> target) {
    Method own = target == null ? method : AopUtils.getMostSpecificMethod(method, target);
    GlobalTransactional declared =
        AnnotatedElementUtils.findMergedAnnotation(own, GlobalTransactional.class);
    return Optional.ofNullable(
        declared == null
            ? AnnotatedElementUtils.findMergedAnnotation(
                target == null ? method.getDeclaringClass() : target, GlobalTransactional.class)
            : declared);
  }

  @Override
  public @Nullable Object invoke(MethodInvocation invocation) throws Throwable {
    Object target = invocation.getThis();
    Optional<GlobalTransactional> declared =
        declared(invocation.getMethod(), target == null ? null : AopUtils.getTargetClass(target));
    if (declared.isEmpty()) {
      return invocation.proceed();
    }
    Duration limit =
        declared.get().timeout().isEmpty()
            ? timeout.get()
            : DurationStyle.detectAndParse(declared.get().timeout());
    return global
        .get()
        .<Optional<Object>, Exception>call(
            limit,
            declared.get().nesting(),
            transaction -> Optional.ofNullable(proceed(invocation)))
        .orElse(null);
  }

  private static @Nullable Object proceed(MethodInvocation invocation) throws Exception {
    try {
      return invocation.proceed();
    } catch (Exception | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
