package dev.tenon.global;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.runtime.BackgroundLoops;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends what nobody else ends: asks starters about branches that are open for long, tries again what
 * has failed, and deletes what has ended long ago. Each instance does so; a branch is taken by one
 * at a time.
 */
final class BranchKeeper {
  private static final Logger log = LoggerFactory.getLogger(BranchKeeper.class);
  private static final Duration POLL_MAX = Duration.ofSeconds(1);
  private static final Duration POLL_MIN = Duration.ofMillis(50);
  private static final Duration UPKEEP_INTERVAL = Duration.ofSeconds(30);
  private static final Duration JOIN_MAX = Duration.ofSeconds(5);
  private static final int ROUNDS_MAX = 100;
  private static final int DELETE_ROWS_MAX = 10_000;
  private static final int DELETES_MAX = 20;

  private final ParticipantParts parts;
  private final BranchStore store;
  private final BranchEnder ender;
  private final AutomaticBranches automatic;
  private final BranchMetrics metrics;
  private final AskTimes times;
  private final XaKeeper xa;
  private final BackgroundLoops loops;
  private Instant upkeptAt = Instant.MIN;

  BranchKeeper(
      ParticipantParts parts,
      BranchStore store,
      BranchEnder ender,
      AutomaticBranches automatic,
      BranchMetrics metrics) {
    this.automatic = automatic;
    this.parts = parts;
    this.store = store;
    this.ender = ender;
    this.metrics = metrics;
    this.times = new AskTimes(parts);
    this.xa = new XaKeeper(parts, ender, metrics);
    loops = new BackgroundLoops(parts.runtime(), parts.service(), parts.config().endBackoff());
  }

  void start() {
    loops.start("branches", this::pass);
  }

  /** Lets what is in progress end. Safe to repeat. */
  void close() {
    loops.stop();
    boolean unused = loops.awaitEnd(JOIN_MAX);
  }

  private void pass() throws InterruptedException {
    runPending();
    upkeep();
    boolean unused = loops.pause(untilDue());
  }

  /** Waits no longer than a second: what other instances have written may be due earlier. */
  private Duration untilDue() {
    Duration left =
        read(store::nextDue).map(due -> Duration.between(parts.now(), due)).orElse(POLL_MAX);
    if (left.compareTo(POLL_MIN) < 0) {
      return POLL_MIN;
    }
    return left.compareTo(POLL_MAX) > 0 ? POLL_MAX : left;
  }

  /** Does what is due; says whether any branch was ended or parked. */
  boolean runPending() {
    boolean any = xa.runPending();
    for (int round = 0; round < ROUNDS_MAX && !loops.stopped(); round++) {
      if (read(store::nextDue).filter(due -> !due.isAfter(parts.now())).isEmpty()) {
        return any;
      }
      List<BranchRow> due = take();
      any |= endKnown(due);
      any |= ask(due);
      if (due.size() < parts.config().batchMax()) {
        return any;
      }
    }
    return any;
  }

  /** Takes branches that are due, so that no other instance does for a while. */
  private List<BranchRow> take() {
    return write(
        connection -> {
          Instant now = parts.now();
          List<BranchRow> due = store.lockDue(connection, now, parts.config().batchMax());
          Map<BranchRow, Instant> next = new LinkedHashMap<>();
          due.forEach(row -> next.put(row, next(row, now)));
          if (!next.isEmpty()) {
            store.postpone(connection, next);
          }
          return due;
        });
  }

  private Instant next(BranchRow row, Instant now) {
    if (row.wanted().isPresent()) {
      return now.plus(parts.config().endBackoff().longest());
    }
    return times.next(row.key().xid(), row.counts().asked(), now);
  }

  /** Those whose decision is known: their end has failed, or is to be repeated after the try. */
  private boolean endKnown(List<BranchRow> due) {
    List<BranchEnder.Task> tasks = new ArrayList<>();
    for (BranchRow row : due) {
      row.wanted().ifPresent(wanted -> tasks.add(task(row, known(row, wanted))));
    }
    return end(tasks);
  }

  private static Function<BranchState, Protocol.Action> known(BranchRow row, Outcome wanted) {
    Function<BranchState, Protocol.Action> told = BranchEnder.told(row.id(), wanted);
    return state ->
        state instanceof BranchState.CancelledInTry
            ? Protocol.onTryEnded(state)
            : told.apply(state);
  }

  private boolean ask(List<BranchRow> due) {
    Optional<GlobalTransport> transport = parts.transport();
    if (transport.isEmpty()) {
      return false;
    }
    Map<String, List<BranchRow>> byStarter = new LinkedHashMap<>();
    for (BranchRow row : due) {
      if (row.wanted().isEmpty()) {
        byStarter.computeIfAbsent(row.key().xid().starter(), starter -> new ArrayList<>()).add(row);
      }
    }
    boolean any = false;
    for (Map.Entry<String, List<BranchRow>> asked : byStarter.entrySet()) {
      List<BranchRow> rows = asked.getValue();
      for (int from = 0;
          from < rows.size() && !loops.stopped();
          from += GlobalTransport.BATCH_MAX) {
        int to = Math.min(rows.size(), from + GlobalTransport.BATCH_MAX);
        any |= ask(transport.get(), asked.getKey(), rows.subList(from, to));
      }
    }
    return any;
  }

  private boolean ask(GlobalTransport transport, String starter, List<BranchRow> rows) {
    List<BranchQuestion> questions =
        rows.stream().map(row -> new BranchQuestion(row.header(), row.known())).toList();
    List<BranchAnswer> answers;
    try {
      answers = transport.inquire(starter, questions);
      if (answers.size() != rows.size()) {
        throw new IllegalStateException(
            answers.size() + " answers to " + rows.size() + " questions");
      }
    } catch (RuntimeException e) {
      log.atInfo()
          .addKeyValue("starter", starter)
          .addKeyValue("branches", rows.size())
          .addKeyValue("reason", e.toString())
          .log("the starter of distributed transactions was not reached; it is asked again");
      return false;
    }
    List<BranchEnder.Task> tasks = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      if (answers.get(i) != BranchAnswer.PENDING) {
        UUID branch = rows.get(i).known();
        BranchAnswer answer = answers.get(i);
        tasks.add(task(rows.get(i), state -> Protocol.onAnswer(state, branch, answer)));
      }
    }
    return end(tasks);
  }

  private static BranchEnder.Task task(BranchRow row, Function<BranchState, Protocol.Action> rule) {
    return new BranchEnder.Task(row.key(), row.header(), rule, BranchEnder.Turn.NOW);
  }

  private boolean end(List<BranchEnder.Task> tasks) {
    return !tasks.isEmpty()
        && ender.end(tasks).stream().anyMatch(result -> result != OrderResult.LATER);
  }

  /** Asks now how the branches of a transaction end, and ends them, for who waits for them. */
  void help(Xid xid) {
    List<BranchRow> open =
        this.<List<BranchRow>>read(connection -> store.of(connection, List.of(xid.text()))).stream()
            .filter(row -> row.stored() == BranchRow.Stored.OPEN && row.wanted().isEmpty())
            .toList();
    if (!open.isEmpty()) {
      boolean unused = ask(open);
    }
  }

  /** Deletes what has ended long ago, and counts what has not. */
  void upkeep() {
    Instant now = parts.now();
    if (upkeptAt.isAfter(now.minus(UPKEEP_INTERVAL))) {
      return;
    }
    upkeptAt = now;
    Instant before = now.minus(parts.config().keep());
    for (int i = 0; i < DELETES_MAX; i++) {
      if (write(connection -> store.sweep(connection, before, DELETE_ROWS_MAX)) < DELETE_ROWS_MAX) {
        break;
      }
    }
    metrics.now(read(connection -> store.census(connection, now)));
    xa.upkeep();
    automatic.refresh(parts.transactions());
  }

  /** A statement, or a few. */
  @FunctionalInterface
  private interface Statements<T> {
    T run(Connection connection) throws SQLException;
  }

  private <T> T read(Statements<T> statements) {
    try {
      return parts.transactions().<T, SQLException>read(unit -> statements.run(unit.connection()));
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  private <T> T write(Statements<T> statements) {
    try {
      return parts.transactions().<T, SQLException>call(unit -> statements.run(unit.connection()));
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  private GlobalTransactionException failed(SQLException e) {
    return new GlobalTransactionException(
        "Could not look after the branches of service "
            + parts.service()
            + ": "
            + e.getMessage()
            + ". It is tried again.",
        GlobalTransactionException.Told.UNKNOWN,
        e);
  }
}
