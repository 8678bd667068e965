package dev.tenon.testing.crash;

import java.lang.StackWalker.StackFrame;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds out which code reached a point. */
final class CallSite {
  private static final int FRAMES_MAX = 8;
  private static final List<String> FOREIGN =
      List.of(
          "java.",
          "jdk.",
          "sun.",
          "org.postgresql.",
          "com.zaxxer.",
          "org.springframework.",
          "org.hibernate.",
          "org.apache.ibatis.");
  private static final Set<String> EXPLORER =
      Stream.of(
              CallSite.class,
              Points.class,
              SimulatedProcess.class,
              World.class,
              CountedConnection.class,
              CountedStatement.class,
              CountedSends.class,
              Proxies.class)
          .map(Class::getName)
          .collect(Collectors.toUnmodifiableSet());

  private CallSite() {}

  static List<String> frames() {
    return StackWalker.getInstance()
        .walk(
            stack ->
                stack
                    .takeWhile(frame -> !frame.getClassName().equals(ScenarioRun.class.getName()))
                    .filter(CallSite::ofUser)
                    .limit(FRAMES_MAX)
                    .map(frame -> frame.toStackTraceElement().toString())
                    .toList());
  }

  private static boolean ofUser(StackFrame frame) {
    String name = frame.getClassName();
    int nested = name.indexOf('$');
    String outer = nested < 0 ? name : name.substring(0, nested);
    return !EXPLORER.contains(outer)
        && !name.contains("$Proxy")
        && FOREIGN.stream().noneMatch(name::startsWith);
  }
}
