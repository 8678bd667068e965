package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.crash.Violation.Injection;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The simulated processes of a scenario between two crashes: where their commits and sends are
 * counted, and where they die. Use it on the thread that the scenario was called on.
 */
public final class World {
  private static final Logger LOG = LoggerFactory.getLogger(World.class);

  private final Points points;
  private final Connections sessions;
  private final Set<CountedConnection> connections = new LinkedHashSet<>();
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();
  private final List<Send> reordered = new ArrayList<>();
  private final List<Send> delayed = new ArrayList<>();
  private String death = "";
  private boolean workEnded;

  World(Points points, Connections sessions) {
    this.points = points;
    this.sessions = sessions;
  }

  /**
   * Counts what a process commits. A transaction counts if it wrote: on PostgreSQL by the
   * database's own word, elsewhere if it executed anything. So do a statement in auto-commit mode,
   * unless it cannot write, and {@code COMMIT} or {@code PREPARE TRANSACTION} as a statement. What
   * is done to an unwrapped connection is not seen.
   *
   * <p>Put a process's pool above the wrapped data source, not below, so that a crash takes it
   * away. On PostgreSQL the explorer itself lets physical connections serve one process after
   * another, with nothing of the session left.
   *
   * @param process the name of the process, for reports
   * @param real where connections come from
   * @return a data source to build the process with, of no use after a crash
   */
  public DataSource dataSource(String process, DataSource real) {
    requireNonNull(process, "process");
    requireNonNull(real, "real");
    return Proxies.of(
        DataSource.class,
        real,
        (method, arguments) -> {
          requireAlive();
          if (method.getName().equals("getConnection") && arguments.length == 0) {
            return opened(process, sessions.take(real), ended -> sessions.giveBack(real, ended));
          }
          Object result = Proxies.invoke(real, method, arguments);
          return result instanceof Connection connection
              ? opened(process, connection, ended -> sessions.giveBack(real, ended))
              : result;
        });
  }

  /**
   * Counts the calls of an interface as sends, by the default rules.
   *
   * @param process the name of the process that sends, for reports
   * @param type the interface
   * @param real what delivers; it belongs to the network, not to the process
   * @param <T> the interface
   * @return an object to build the process with
   */
  public <T> T sends(String process, Class<T> type, T real) {
    return sends(process, type, real, SendRules.defaults());
  }

  /**
   * Counts the calls of an interface as sends.
   *
   * @param process the name of the process that sends, for reports
   * @param type the interface
   * @param real what delivers; it belongs to the network, not to the process
   * @param rules which calls are sends, and what can happen to them
   * @param <T> the interface
   * @return an object to build the process with
   */
  public <T> T sends(String process, Class<T> type, T real, SendRules rules) {
    requireNonNull(process, "process");
    requireNonNull(rules, "rules");
    return CountedSends.of(this, process, type, requireNonNull(real, "real"), rules);
  }

  /**
   * Leaves something to be closed when this world has ended, such as a pool; by then its processes
   * are dead, so it can neither commit nor send.
   *
   * @param resource what to close; the last one first
   * @param <T> its type
   * @return the same
   */
  public <T extends AutoCloseable> T closeAtEnd(T resource) {
    resources.push(requireNonNull(resource, "resource"));
    return resource;
  }

  synchronized boolean alive() {
    return death.isEmpty();
  }

  synchronized void requireAlive() {
    if (!death.isEmpty()) {
      throw new SimulatedCrash(death);
    }
  }

  /** Whether a fault struck that may end the work by an exception. */
  boolean workEnded() {
    return workEnded;
  }

  private Connection opened(String process, Connection real, Consumer<Connection> release)
      throws SQLException {
    CountedConnection counted = new CountedConnection(this, process, real, release);
    synchronized (this) {
      connections.add(counted);
    }
    return counted.proxy();
  }

  synchronized void forget(CountedConnection connection) {
    connections.remove(connection);
  }

  /** Makes something durable, or lets the planned fault strike. */
  void commit(String process, String what, Action action, Function<String, SQLException> broken)
      throws SQLException {
    requireAlive();
    List<Fault> faults =
        List.of(
            Fault.CRASH_BEFORE,
            Fault.CRASH_AFTER,
            Fault.CONNECTION_LOST_BEFORE,
            Fault.CONNECTION_LOST_AFTER);
    Optional<Injection> strike = points.reach(Point.Kind.COMMIT, process, what, faults);
    if (strike.isEmpty()) {
      action.run();
      return;
    }
    workEnded = true;
    Fault fault = strike.get().fault();
    if (fault == Fault.CRASH_AFTER || fault == Fault.CONNECTION_LOST_AFTER) {
      action.run();
    }
    if (fault.crash()) {
      throw crash(strike.get());
    }
    throw broken.apply(strike.get().id());
  }

  /** Sends something, or lets the planned fault strike. */
  @Nullable Object send(
      String process, String what, List<Fault> faults, Send send, Function<String, Exception> lost)
      throws Throwable {
    requireAlive();
    Optional<Injection> strike = points.reach(Point.Kind.SEND, process, what, faults);
    if (strike.isEmpty()) {
      List<Send> overtaken = List.copyOf(reordered);
      reordered.clear();
      Object answer = send.send();
      overtaken.forEach(World::late);
      return answer;
    }
    Injection injection = strike.get();
    workEnded = injection.fault().endsWork();
    return switch (injection.fault()) {
      case CRASH_BEFORE -> throw crash(injection);
      case CRASH_AFTER -> {
        send.send();
        throw crash(injection);
      }
      case SEND_REFUSED -> throw lost.apply("The send was lost (simulated).");
      case ANSWER_LOST -> {
        send.send();
        throw lost.apply("The answer was lost (simulated).");
      }
      case DUPLICATE -> {
        Object answer = send.send();
        late(send);
        yield answer;
      }
      case REORDER -> {
        reordered.add(send);
        yield null;
      }
      case DELAY -> {
        delayed.add(send);
        yield null;
      }
      case CONNECTION_LOST_BEFORE, CONNECTION_LOST_AFTER ->
          throw new IllegalStateException("fault: " + injection.fault() + " (expected: of a send)");
    };
  }

  /** Delivers what nobody waits for: its failure is the network's, and nobody learns it. */
  private static void late(Send send) {
    try {
      send.send();
    } catch (SimulatedCrash | Exception e) {
      LOG.debug("A duplicate or late delivery was refused", e);
    } catch (Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException("A delivery threw neither an exception nor an error.", t);
    }
  }

  private SimulatedCrash crash(Injection injection) {
    die("Crashed at " + injection.id() + " (simulated).");
    return new SimulatedCrash(death);
  }

  private void die(String why) {
    List<CountedConnection> open;
    synchronized (this) {
      death = why;
      open = List.copyOf(connections);
    }
    open.forEach(CountedConnection::destroy);
  }

  /** Delivers what is late. What it sets going is the processes' last work. */
  void deliverLate() {
    List<Send> late = new ArrayList<>(reordered);
    late.addAll(delayed);
    reordered.clear();
    delayed.clear();
    late.forEach(World::late);
  }

  /** Ends all processes and frees what they held. */
  void end() {
    if (alive()) {
      die("This world has ended.");
    }
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (SimulatedCrash e) {
        LOG.debug("A crashed process closed {}", resource, e);
      } catch (Exception e) {
        LOG.warn("Could not close {} of a crashed process", resource, e);
      }
    }
    resources.clear();
  }

  /** Makes something durable. */
  @FunctionalInterface
  interface Action {
    void run() throws SQLException;
  }

  /** Sends something. */
  @FunctionalInterface
  interface Send {
    @Nullable Object send() throws Throwable;
  }
}
