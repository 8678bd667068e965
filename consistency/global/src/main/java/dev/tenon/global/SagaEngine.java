package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.SagaPause.Reason;
import dev.tenon.runtime.Json;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the sagas of a service: those it has started, those that are due, and those of instances
 * that are no longer alive.
 */
final class SagaEngine implements Sagas {
  /** The most sagas that run at once in an instance; more wait in memory or in the database. */
  static final int RUNNING_MAX = 256;

  /** The most started sagas that wait in memory. */
  static final int WAITING_MAX = 10_000;

  private static final Logger log = LoggerFactory.getLogger(SagaEngine.class);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final int ID_LENGTH_MAX = 200;
  private static final Long FIRST_FENCE = 1L;

  private final SagaParts parts;
  private final SagaEnds ends;
  private final Map<String, SagaType<?, ?>> types;
  private final Map<String, String> fingerprints = new ConcurrentHashMap<>();
  private final Semaphore places = new Semaphore(RUNNING_MAX);
  private final Queue<SagaStore.Row> waiting = new ArrayDeque<>(); // guarded by itself
  private final SagaEndings endings = new SagaEndings();
  private final Map<UUID, Long> inHand = new ConcurrentHashMap<>(); // fences by xid
  private volatile boolean running;

  SagaEngine(SagaParts parts, List<SagaType<?, ?>> declared) {
    this.parts = parts;
    this.ends = new SagaEnds(parts);
    var byName = new java.util.LinkedHashMap<String, SagaType<?, ?>>();
    for (SagaType<?, ?> type : declared) {
      if (byName.putIfAbsent(type.name(), type) != null) {
        throw new IllegalArgumentException(
            "saga: " + type.name() + " (expected: declared only once)");
      }
    }
    this.types = Map.copyOf(byName);
  }

  // Starting and asking

  @Override
  public <I> void start(SagaType<I, ?> type, String id, I input) {
    requireDeclared(type, id);
    byte[] json = Json.write(input);
    SignedXid xid = parts.decider().begin(type.timeout());
    Transactions transactions = parts.transactions();
    transactions.run(unit -> insert(unit, type, id, xid, json));
  }

  private void insert(
      UnitOfWork unit, SagaType<?, ?> type, String id, SignedXid xid, byte[] input) {
    boolean full;
    synchronized (waiting) {
      full = waiting.size() >= WAITING_MAX;
    }
    if (full) {
      throw new GlobalTransactionException(
          "Could not start the saga "
              + type.name()
              + "/"
              + id
              + ": "
              + WAITING_MAX
              + " are waiting to be run here. Start it later.",
          Told.ABORTED,
          null);
    }
    String fingerprint = fingerprint(type);
    UUID saga = xid.xid().id();
    inHand.put(saga, FIRST_FENCE);
    unit.afterEnd(
        ending -> {
          if (ending != UnitOfWork.Ending.COMMITTED) {
            inHand.remove(saga, FIRST_FENCE); // if it was started after all, it is taken as due
          }
        });
    try {
      Optional<SagaStore.Row> inserted =
          parts
              .store()
              .insert(
                  unit.connection(),
                  xid.xid(),
                  xid.header(),
                  type,
                  id,
                  fingerprint,
                  input,
                  parts.decider().instance());
      if (inserted.isEmpty()) {
        inHand.remove(saga, FIRST_FENCE);
      } else {
        unit.afterCommit(() -> begin(inserted.get()));
      }
    } catch (SQLException e) {
      throw failed("start", type, id, e);
    }
  }

  @Override
  public Optional<Status> find(SagaType<?, ?> type, String id) {
    return row(type, id).map(SagaStore.Row::status);
  }

  @Override
  public SagaHistory history(SagaType<?, ?> type, String id) {
    Optional<SagaStore.Row> row = row(type, id);
    if (row.isEmpty() || row.get().state() == State.ABORTED) {
      throw new GlobalTransactionException(
          "Could not export the history of the saga "
              + type.name()
              + "/"
              + id
              + ": "
              + (row.isEmpty()
                  ? "it was never started, or is forgotten"
                  : "it was aborted, and the results of its steps are undone")
              + ". Take one that is under way or has ended well.",
          Told.UNKNOWN,
          null);
    }
    return SagaResults.history(parts, row.get());
  }

  private Optional<SagaStore.Row> row(SagaType<?, ?> type, String id) {
    return parts
        .transactions()
        .read(
            unit -> {
              try {
                return parts.store().find(unit.connection(), type.name(), id);
              } catch (SQLException e) {
                throw failed("look up", type, id, e);
              }
            });
  }

  @Override
  public <O> Ending<O> ending(SagaType<?, O> type, String id, Duration atMost)
      throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    try (SagaEndings.Waiting waiting = endings.waiting(new SagaEndings.Name(type.name(), id))) {
      boolean look = !waiting.runs();
      while (true) {
        if (look) {
          Ending<O> ending = stored(type, id);
          if (!(ending instanceof Ending.UnderWay)) {
            return ending;
          }
        }
        long left = deadline - System.nanoTime();
        if (look && left <= 0) {
          return new Ending.UnderWay<>();
        }
        Optional<byte[]> result = waiting.await(Duration.ofNanos(Math.min(left, POLL.toNanos())));
        if (result.isPresent()) {
          return done(type, result);
        }
        look = true;
      }
    }
  }

  /** What the database says. */
  private <O> Ending<O> stored(SagaType<?, O> type, String id) {
    SagaStore.Row row =
        row(type, id)
            .orElseThrow(
                () ->
                    new GlobalTransactionException(
                        "Could not wait for the saga "
                            + type.name()
                            + "/"
                            + id
                            + ": it was never started. Start it first.",
                        Told.ABORTED,
                        null));
    return switch (row.state()) {
      case DONE -> done(type, row.result());
      case ABORTED -> new Ending.Aborted<>(ended(row, "aborted", Told.ABORTED));
      case PARKED ->
          new Ending.Parked<>(ended(row, "parked, and waits for a person", Told.UNKNOWN));
      case RUNNING, FORWARD -> new Ending.UnderWay<>();
    };
  }

  private static <O> Ending<O> done(SagaType<?, O> type, Optional<byte[]> result) {
    return new Ending.Done<>(result.map(json -> Json.mapper().readValue(json, type.output())));
  }

  private static GlobalTransactionException ended(SagaStore.Row row, String how, Told told) {
    return new GlobalTransactionException(
        "The saga "
            + row.type()
            + "/"
            + row.id()
            + " was "
            + how
            + ": "
            + row.error().orElse("no reason was kept")
            + ".",
        told,
        null);
  }

  @Override
  public void signal(SagaType<?, ?> type, String id, String name, Object payload) {
    requireDeclared(type, id);
    Branch.requireStep(name);
    byte[] json = Json.write(payload);
    boolean[] known = new boolean[1];
    parts
        .transactions()
        .run(
            unit -> {
              try {
                known[0] =
                    parts
                        .store()
                        .send(unit, type.name(), id, name, json, parts.runtime().clock().instant());
              } catch (SQLException e) {
                throw failed("send the signal " + name + " to", type, id, e);
              }
            });
    if (!known[0]) {
      throw new GlobalTransactionException(
          "Could not send the signal "
              + name
              + " to the saga "
              + type.name()
              + "/"
              + id
              + ": none is under way. Look whether it has ended.",
          Told.UNKNOWN,
          null);
    }
  }

  private void requireDeclared(SagaType<?, ?> type, String id) {
    if (!type.equals(types.get(type.name()))) {
      throw new IllegalArgumentException(
          "type: " + type.name() + " (expected: one that was declared: " + types.keySet() + ")");
    }
    if (id.isEmpty() || id.length() > ID_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "id: " + id.length() + " characters (expected: 1.." + ID_LENGTH_MAX + ")");
    }
  }

  private static GlobalTransactionException failed(
      String verb, SagaType<?, ?> type, String id, SQLException e) {
    return new GlobalTransactionException(
        "Could not "
            + verb
            + " the saga "
            + type.name()
            + "/"
            + id
            + ": "
            + e.getMessage()
            + ". Try again.",
        Told.UNKNOWN,
        e);
  }

  // Running

  /** Takes what is due and what others have left, as far as there is room; says whether any was. */
  boolean takeDue() throws SQLException {
    int room = Math.min(places.availablePermits(), parts.config().batchMax());
    if (room == 0 || types.isEmpty()) {
      return false;
    }
    List<SagaStore.Row> taken =
        parts
            .transactions()
            .<List<SagaStore.Row>, SQLException>call(
                unit ->
                    parts
                        .store()
                        .take(
                            unit.connection(),
                            parts.decider().instance(),
                            types.keySet(),
                            parts.runtime().clock().instant(),
                            parts.decider().live(),
                            Set.copyOf(inHand.keySet()),
                            room));
    taken.forEach(row -> inHand.put(row.xid().id(), row.fence()));
    taken.forEach(this::begin);
    return !taken.isEmpty();
  }

  /** Runs sagas on threads of its own from now on. */
  void start() {
    running = true;
    for (SagaStore.Row row = next(); row != null; row = next()) {
      launch(row);
    }
  }

  /** Runs what is due, and what that starts, on this thread; says whether there was anything. */
  boolean runDue() throws SQLException {
    boolean any = takeDue();
    for (SagaStore.Row row = next(); row != null; row = next()) {
      execute(row);
      any = true;
    }
    return any;
  }

  private void begin(SagaStore.Row row) {
    endings.begun(SagaEndings.Name.of(row));
    launch(row);
  }

  private void launch(SagaStore.Row row) {
    if (running && places.tryAcquire()) {
      parts.runtime().threads().newThread(() -> work(row)).start();
    } else {
      synchronized (waiting) {
        waiting.add(row);
      }
      if (running && places.availablePermits() > 0) {
        start(); // a place became free meanwhile
      }
    }
  }

  private void work(SagaStore.Row first) {
    SagaStore.Row row = first;
    try {
      while (row != null) {
        execute(row);
        row = next();
      }
    } finally {
      places.release();
    }
    SagaStore.Row late = next(); // one may have been added when the last place was still taken
    if (late != null) {
      launch(late);
    }
  }

  private SagaStore.@Nullable Row next() {
    synchronized (waiting) {
      return waiting.poll();
    }
  }

  /** Runs a saga once, on this thread. */
  void execute(SagaStore.Row row) {
    SagaType<?, ?> type = types.get(row.type());
    if (type == null) {
      throw new IllegalStateException("saga: " + row.type() + " (expected: one that was declared)");
    }
    SagaRun run = new SagaRun(parts, row, fingerprint(type));
    byte @Nullable [] result = null;
    try {
      boolean late = parts.runtime().clock().instant().isAfter(row.xid().deadline());
      if (late && row.state() == State.RUNNING && !row.inDoubt()) {
        ends.abort(run, row, "it was not decided before its deadline");
        return;
      }
      Instant kept = parts.keepUntil(row);
      if (parts.runtime().clock().instant().isAfter(kept)) {
        ends.park(run, row, "the results of its steps were kept until " + kept);
        return;
      }
      result = runCode(run, row, type);
    } catch (SagaPause pause) {
      putDown(run, row, pause.reason());
    } catch (RuntimeException e) {
      putDown(run, row, later(e));
    } finally {
      inHand.remove(row.xid().id(), row.fence());
      endings.ran(SagaEndings.Name.of(row), result);
    }
  }

  /** What cannot be put down now stays this instance's, and is taken up again with what is due. */
  private void putDown(SagaRun run, SagaStore.Row row, Reason reason) {
    try {
      ends.carryOut(run, row, reason);
    } catch (SagaPause | RuntimeException e) {
      log.atWarn()
          .addKeyValue("saga", row.type() + "/" + row.id())
          .addKeyValue("reason", e.toString())
          .log("a saga could not be put down; it is taken up again by itself");
    }
  }

  /** Gives the result as JSON once it is committed; null if the run was left. */
  private <I, O> byte @Nullable [] runCode(SagaRun run, SagaStore.Row row, SagaType<I, O> type) {
    Object result;
    try (var entered = run.scope().enter()) {
      result = type.code().run(run, Json.read(row.input(), type.input()));
    } catch (SagaPause pause) {
      ends.carryOut(run, row, pause.reason());
      return null;
    } catch (Exception e) {
      threw(run, row, e);
      return null;
    } catch (Error e) {
      Exception failure = new IllegalStateException(e);
      boolean forward = SagaEnds.isForward(run, row);
      ends.carryOut(run, row, forward ? new Reason.Failed(failure) : later(failure));
      return null;
    }
    Optional<Reason> left = run.left();
    if (left.isPresent()) {
      ends.carryOut(run, row, left.get()); // the code has swallowed it
      return null;
    }
    try {
      return run.end(result);
    } catch (GlobalTransactionException | IllegalArgumentException e) {
      threw(run, row, e); // it cannot be committed, or its result not be written
      return null;
    }
  }

  private static Reason later(Exception failure) {
    return new Reason.Later(failure);
  }

  private void threw(SagaRun run, SagaStore.Row row, Exception failure) {
    Optional<Reason> left = run.left();
    if (left.isPresent()) {
      ends.carryOut(run, row, left.get());
    } else if (failure instanceof InterruptedException) {
      ends.carryOut(run, row, later(failure));
    } else if (SagaEnds.isForward(run, row) || run.isInDoubt()) {
      ends.carryOut(run, row, new Reason.Failed(failure));
    } else if (run.isShort()) {
      ends.carryOut(run, row, new Reason.Failed(SagaEnds.early(run, failure)));
    } else {
      ends.abort(run, row, SagaEnds.describe(failure));
    }
  }

  private String fingerprint(SagaType<?, ?> type) {
    return fingerprints.computeIfAbsent(type.name(), name -> CodeFingerprint.of(type.code()));
  }
}
