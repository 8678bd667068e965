package dev.tenon.cli;

import java.time.Duration;

/** Something that is done to running services. */
sealed interface Fault {

  /** {@code kill -9} of an instance, which is then started again. */
  record KillService(String instance) implements Fault {}

  /** {@code kill -9} in the PostgreSQL of a service, which then recovers. */
  record KillPostgres(String service, Victim victim) implements Fault {}

  /** An instance stands still (SIGSTOP) for longer than its lease, and goes on (SIGCONT). */
  record Pause(String instance, Duration length) implements Fault {}

  /** The network between a calling and a called service is disturbed. */
  record Disturb(String caller, String callee, TcpProxy.Way way, Duration length)
      implements Fault {}

  /** The clock of an instance jumps, and jumps back. */
  record JumpClock(String instance, Duration offset, Duration length) implements Fault {}

  /** What of PostgreSQL is killed. */
  enum Victim {
    /** All its processes at once. */
    SERVER,
    /** The main process; the others notice, and end by themselves. */
    POSTMASTER,
    /** The process of one connection; the main process then ends all others, and recovers. */
    BACKEND
  }

  /** Whether it kills. */
  default boolean kill() {
    return this instanceof KillService || this instanceof KillPostgres;
  }

  /** By which it is counted. */
  default String kind() {
    return switch (this) {
      case KillService(String instance) -> "kill -9 of " + instance;
      case KillPostgres(String service, Victim victim) ->
          switch (victim) {
            case SERVER -> "kill -9 of all of PostgreSQL";
            case POSTMASTER -> "kill -9 of PostgreSQL's main process";
            case BACKEND -> "kill -9 of a PostgreSQL connection's process";
          };
      case Pause(String instance, Duration length) -> "SIGSTOP and SIGCONT";
      case Disturb(String caller, String callee, TcpProxy.Way way, Duration length) ->
          "network: " + way.text();
      case JumpClock(String instance, Duration offset, Duration length) ->
          "clock " + (offset.isNegative() ? "back" : "forward");
    };
  }

  /** What it hits: no two faults hit one at a time. */
  default String target() {
    return switch (this) {
      case KillService(String instance) -> instance;
      case KillPostgres(String service, Victim victim) -> "PostgreSQL of " + service;
      case Pause(String instance, Duration length) -> instance;
      case Disturb(String caller, String callee, TcpProxy.Way way, Duration length) ->
          "network " + caller + " to " + callee;
      case JumpClock(String instance, Duration offset, Duration length) -> "clock of " + instance;
    };
  }

  /** For people. */
  default String text() {
    return switch (this) {
      case KillService(String instance) -> kind();
      case KillPostgres(String service, Victim victim) -> kind() + ", of service " + service;
      case Pause(String instance, Duration length) ->
          "SIGSTOP of %s for %.1f s".formatted(instance, seconds(length));
      case Disturb(String caller, String callee, TcpProxy.Way way, Duration length) ->
          "network from %s to %s for %.1f s: %s"
              .formatted(caller, callee, seconds(length), way.text());
      case JumpClock(String instance, Duration offset, Duration length) ->
          "clock of %s by %+d s for %.1f s"
              .formatted(instance, offset.toSeconds(), seconds(length));
    };
  }

  private static double seconds(Duration length) {
    return length.toMillis() / 1e3;
  }
}
