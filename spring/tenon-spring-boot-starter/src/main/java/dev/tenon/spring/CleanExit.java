package dev.tenon.spring;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.SmartInitializingSingleton;

/**
 * Makes the process end with status 0 after SIGTERM, as an operator expects of a service that did
 * what it was told. Java by itself ends with 143. Shutdown hooks run as ever.
 */
final class CleanExit implements SmartInitializingSingleton {
  private static final Logger log = LoggerFactory.getLogger(CleanExit.class);

  /** The signal belongs to the process, not to one of its application contexts. */
  private static final AtomicBoolean installed = new AtomicBoolean();

  /** Before anything is served: the signal may come as soon as the service looks ready. */
  @Override
  public void afterSingletonsInstantiated() {
    if (installed.compareAndSet(false, true)) {
      install();
    }
  }

  /** By reflection: the JDK supports the class, but warns of every use at compile time. */
  private static void install() {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object exit =
          Proxy.newProxyInstance(
              CleanExit.class.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                  Thread.ofPlatform().name("tenon-exit").start(() -> System.exit(0));
                }
                return null;
              });
      Object term = signal.getConstructor(String.class).newInstance("TERM");
      Object unused = signal.getMethod("handle", signal, handler).invoke(null, term, exit);
    } catch (ReflectiveOperationException e) {
      Throwable reason = e instanceof InvocationTargetException invoked ? invoked.getCause() : e;
      log.atInfo().setCause(reason).log("SIGTERM will end the process with status 143");
    }
  }
}
