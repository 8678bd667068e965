package dev.tenon.testing.crash;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/** Dynamic proxies over one interface, which answer {@code equals} and the like themselves. */
final class Proxies {

  private Proxies() {}

  /** What a proxy does with a call that is not one of {@link Object}'s. */
  @FunctionalInterface
  interface Handler {
    @Nullable Object call(Method method, @Nullable Object[] arguments) throws Throwable;
  }

  static <T> T of(Class<T> type, Object real, Handler handler) {
    ClassLoader loader = type.getClassLoader();
    return type.cast(
        Proxy.newProxyInstance(
            loader == null ? Proxies.class.getClassLoader() : loader,
            new Class<?>[] {type},
            invocations(real, handler)));
  }

  private static InvocationHandler invocations(Object real, Handler handler) {
    return (proxy, method, args) -> {
      @Nullable Object[] arguments = args == null ? new Object[0] : args;
      if (method.getDeclaringClass() == Object.class) {
        return switch (method.getName()) {
          case "equals" -> same(proxy, arguments[0]);
          case "hashCode" -> System.identityHashCode(proxy);
          default -> "counted " + real;
        };
      }
      return handler.call(method, arguments);
    };
  }

  @SuppressWarnings("ReferenceEquality") // a proxy equals itself only
  private static boolean same(Object proxy, @Nullable Object other) {
    return proxy == other;
  }

  /** Calls the real thing, and throws what it throws. */
  static @Nullable Object invoke(Object real, Method method, @Nullable Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(real, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause() == null ? e : e.getCause();
    }
  }
}
