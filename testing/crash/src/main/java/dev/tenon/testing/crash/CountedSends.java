package dev.tenon.testing.crash;

import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;

/** An interface whose calls are sends. */
final class CountedSends implements Proxies.Handler {
  private final World world;
  private final SimulatedProcess process;
  private final String name;
  private final Object real;
  private final SendRules rules;

  private CountedSends(
      World world, SimulatedProcess process, String name, Object real, SendRules rules) {
    this.world = world;
    this.process = process;
    this.name = name;
    this.real = real;
    this.rules = rules;
  }

  static <T> T of(
      World world, SimulatedProcess process, Class<T> type, Object real, SendRules rules) {
    return Proxies.of(
        SendRules.interfaceOf(type),
        real,
        new CountedSends(world, process, type.getSimpleName(), real, rules));
  }

  @Override
  public @Nullable Object call(Method method, @Nullable Object[] arguments) throws Throwable {
    if (!rules.sends(method)) {
      return process.alive() || !method.getName().equals("close")
          ? passed(method, arguments)
          : null;
    }
    Object result =
        rules.polls(method) ? polled(method, arguments) : sent(method, send(method, arguments));
    return result == null ? null : counted(result);
  }

  /** A call that reaches another process, which may be dead. */
  private World.Send send(Method method, @Nullable Object[] arguments) {
    return () -> {
      try {
        return Proxies.invoke(real, method, arguments);
      } catch (SimulatedCrash e) {
        if (process.alive() && rules.failing()) {
          throw rules.lost("The other side has crashed (simulated).");
        }
        throw e;
      }
    };
  }

  private @Nullable Object sent(Method method, World.Send send) throws Throwable {
    String what = name + "." + method.getName();
    return world.send(process, what, rules.faults(method), send, rules::lost);
  }

  private @Nullable Object polled(Method method, @Nullable Object[] arguments) throws Throwable {
    Object answer = passed(method, arguments);
    return SendRules.empty(answer) ? answer : sent(method, () -> answer);
  }

  private @Nullable Object passed(Method method, @Nullable Object[] arguments) throws Throwable {
    process.requireAlive();
    return send(method, arguments).send();
  }

  private Object counted(Object result) {
    return rules
        .counted(result)
        .<Object>map(type -> of(world, process, type, result, rules))
        .orElse(result);
  }
}
