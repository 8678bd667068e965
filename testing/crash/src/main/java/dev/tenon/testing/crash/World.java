package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.crash.Violation.Injection;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

  private static final List<Fault> OF_COMMITS =
      List.of(
          Fault.CRASH_AFTER,
          Fault.CRASH_ALONE_AFTER,
          Fault.CONNECTION_LOST_AFTER,
          Fault.CRASH_BEFORE,
          Fault.CRASH_ALONE_BEFORE,
          Fault.CONNECTION_LOST_BEFORE);

  private final Points points;
  private final Connections sessions;
  private final Map<String, SimulatedProcess> processes = new LinkedHashMap<>();
  private final Set<String> names = new HashSet<>();
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
   * @return a data source to build the process with, of no use after a crash; that of a process
   *     that died alone belongs to its next life
   */
  public DataSource dataSource(String process, DataSource real) {
    requireNonNull(process, "process");
    requireNonNull(real, "real");
    SimulatedProcess life = process(process);
    return Proxies.of(
        DataSource.class,
        real,
        (method, arguments) -> {
          life.requireAlive();
          Consumer<Connection> release = ended -> sessions.giveBack(real, ended);
          if (method.getName().equals("getConnection") && arguments.length == 0) {
            return life.opened(this, sessions.take(real), release);
          }
          Object result = Proxies.invoke(real, method, arguments);
          return result instanceof Connection connection
              ? life.opened(this, connection, release)
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
    return CountedSends.of(this, process(process), type, requireNonNull(real, "real"), rules);
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

  /**
   * Does work of one process, which may die alone in it. Whoever survived goes on; build the
   * process again over a new data source of this world to restart it, and give it its next work.
   * What the dead one was asked to do may have happened or not.
   *
   * @param process the name of the process
   * @param work what it does
   * @return whether it lived to the end of it; {@code false} also if it was dead already, unless it
   *     was built again
   * @throws Exception if the work threw it, and the process lived; or if all processes died
   */
  public boolean attempt(String process, Work work) throws Exception {
    SimulatedProcess life = process(process);
    try {
      work.run();
    } catch (Exception | Error e) {
      boolean died = !life.alive() || ofCrash(e);
      if (!died || !alive()) {
        throw e;
      }
      LOG.debug("{} died at its work", process, e);
      return false;
    }
    return life.alive();
  }

  private static boolean ofCrash(Throwable thrown) {
    Throwable cause = thrown;
    while (cause != null && !(cause instanceof SimulatedCrash)) {
      cause = cause.getCause();
    }
    return cause != null;
  }

  private synchronized SimulatedProcess process(String name) {
    if (!death.isEmpty()) {
      throw new SimulatedCrash(death);
    }
    names.add(name);
    return processes.computeIfAbsent(name, SimulatedProcess::new);
  }

  private synchronized boolean alive() {
    return death.isEmpty();
  }

  private synchronized List<Fault> possible(List<Fault> faults) {
    return names.size() > 1 ? faults : faults.stream().filter(fault -> !fault.alone()).toList();
  }

  /** Whether a fault struck that may end the work by an exception. */
  boolean workEnded() {
    return workEnded;
  }

  /** Makes something durable, or lets the planned fault strike. */
  void commit(
      SimulatedProcess process, String what, Action action, Function<String, SQLException> broken)
      throws SQLException {
    process.requireAlive();
    Optional<Injection> strike =
        points.reach(Point.Kind.COMMIT, process.name(), what, possible(OF_COMMITS));
    if (strike.isEmpty()) {
      action.run();
      return;
    }
    workEnded = true;
    Fault fault = strike.get().fault();
    if (fault.after()) {
      action.run();
    }
    if (fault.crash() || fault.alone()) {
      throw crash(process, strike.get());
    }
    throw broken.apply(strike.get().id());
  }

  /** Sends something, or lets the planned fault strike. */
  @Nullable Object send(
      SimulatedProcess process,
      String what,
      List<Fault> faults,
      Send send,
      Function<String, Exception> lost)
      throws Throwable {
    process.requireAlive();
    Optional<Injection> strike =
        points.reach(Point.Kind.SEND, process.name(), what, possible(faults));
    if (strike.isEmpty()) {
      List<Send> overtaken = List.copyOf(reordered);
      reordered.clear();
      Object answer = send.send();
      overtaken.forEach(World::late);
      return answer;
    }
    Fault fault = strike.get().fault();
    if (!fault.endsWork()) {
      return elsewhen(fault, send);
    }
    workEnded = true;
    if (fault.after()) {
      send.send();
    }
    if (fault.crash() || fault.alone()) {
      throw crash(process, strike.get());
    }
    throw lost.apply("The send or its answer was lost (simulated " + strike.get().id() + ").");
  }

  private @Nullable Object elsewhen(Fault fault, Send send) throws Throwable {
    if (fault == Fault.DUPLICATE) {
      Object answer = send.send();
      late(send);
      return answer;
    }
    (fault == Fault.REORDER ? reordered : delayed).add(send);
    return null;
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

  private SimulatedCrash crash(SimulatedProcess process, Injection injection) {
    String why = "Crashed at " + injection.id() + " (simulated).";
    if (injection.fault().alone()) {
      synchronized (this) {
        processes.remove(process.name(), process);
      }
      process.die(why);
    } else {
      die(why);
    }
    return new SimulatedCrash(why);
  }

  private void die(String why) {
    List<SimulatedProcess> living;
    synchronized (this) {
      death = why;
      living = List.copyOf(processes.values());
    }
    living.forEach(process -> process.die(why));
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

  /** Work of one process. */
  @FunctionalInterface
  public interface Work {
    /**
     * Does it.
     *
     * @throws Exception for any reason
     */
    void run() throws Exception;
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
