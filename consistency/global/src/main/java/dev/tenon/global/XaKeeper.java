package dev.tenon.global;

import dev.tenon.global.PreparedTransactions.Found;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends prepared transactions that nobody else ends: finds all that the service has, and asks their
 * starters. What it knows of one beside its name is when to ask, and that is begun anew in each
 * process. There are never more than the server may prepare. Belongs to one thread.
 */
final class XaKeeper {
  private static final Logger log = LoggerFactory.getLogger(XaKeeper.class);

  private final ParticipantParts parts;
  private final BranchEnder ender;
  private final BranchMetrics metrics;
  private final AskTimes times;
  private final PreparedStore store;
  private final Map<String, Turn> turns = new HashMap<>();

  /** When one is asked about next, and how often it was. */
  private record Turn(Instant at, int asked) {}

  XaKeeper(ParticipantParts parts, BranchEnder ender, BranchMetrics metrics) {
    this.parts = parts;
    this.ender = ender;
    this.metrics = metrics;
    this.times = new AskTimes(parts);
    this.store = new PreparedStore(parts.tables());
  }

  /** Does what is due; says whether any was ended or parked. */
  boolean runPending() {
    List<Gid> found = found().stream().map(Found::gid).toList();
    turns.keySet().retainAll(found.stream().map(Gid::text).collect(Collectors.toSet()));
    if (found.isEmpty()) {
      return false;
    }
    Map<String, PreparedStore.Note> notes = notes();
    Instant now = parts.now();
    boolean any = false;
    Map<String, List<Gid>> due = new LinkedHashMap<>();
    for (Gid gid : found) {
      PreparedStore.Note note = notes.get(gid.text());
      if (note != null) {
        any |= note.wanted().isPresent() && end(gid, note.wanted().get());
      } else if (isDue(gid, now)) {
        due.computeIfAbsent(gid.signed().xid().starter(), starter -> new ArrayList<>()).add(gid);
      }
    }
    for (Map.Entry<String, List<Gid>> asked : due.entrySet()) {
      List<Gid> gids = asked.getValue();
      for (int from = 0; from < gids.size(); from += GlobalTransport.BATCH_MAX) {
        int to = Math.min(gids.size(), from + GlobalTransport.BATCH_MAX);
        any |= ask(asked.getKey(), gids.subList(from, to));
      }
    }
    return any;
  }

  private boolean isDue(Gid gid, Instant now) {
    Turn turn = turns.computeIfAbsent(gid.text(), text -> new Turn(times.first(now), 0));
    if (turn.at().isAfter(now)) {
      return false;
    }
    Instant next = times.next(gid.signed().xid(), turn.asked(), now);
    turns.put(gid.text(), new Turn(next, turn.asked() + 1));
    return true;
  }

  private boolean ask(String starter, List<Gid> gids) {
    Optional<GlobalTransport> transport = parts.transport();
    if (transport.isEmpty()) {
      return false;
    }
    List<BranchQuestion> questions =
        gids.stream().map(gid -> new BranchQuestion(gid.signed().header(), gid.branch())).toList();
    List<BranchAnswer> answers;
    try {
      answers = transport.get().inquire(starter, questions);
      if (answers.size() != gids.size()) {
        throw new IllegalStateException(
            answers.size() + " answers to " + gids.size() + " questions");
      }
    } catch (RuntimeException e) {
      log.atInfo()
          .addKeyValue("starter", starter)
          .addKeyValue("prepared", gids.size())
          .addKeyValue("reason", e.toString())
          .log("the starter of distributed transactions was not reached; it is asked again");
      return false;
    }
    boolean any = false;
    for (int i = 0; i < gids.size(); i++) {
      Gid gid = gids.get(i);
      any |=
          switch (answers.get(i)) {
            case COMMIT -> end(gid, Outcome.COMMITTED);
            case ABORT -> end(gid, Outcome.ABORTED);
            case PENDING -> false;
            case UNKNOWN -> park(gid);
          };
    }
    return any;
  }

  private boolean end(Gid gid, Outcome outcome) {
    try {
      return ender.end(gid, outcome) != OrderResult.LATER;
    } catch (SQLException e) {
      log.atInfo()
          .addKeyValue("xid", gid.signed().xid())
          .addKeyValue("step", gid.step())
          .addKeyValue("reason", e.getMessage())
          .log("prepared transaction not ended now; it is tried again");
      return false;
    }
  }

  private boolean park(Gid gid) {
    String why = "service " + gid.signed().xid().starter() + " cannot say any more how it ends";
    boolean parked = write(connection -> store.park(connection, gid, why));
    if (parked) {
      metrics.parked();
      log.atWarn()
          .addKeyValue("xid", gid.signed().xid())
          .addKeyValue("step", gid.step())
          .addKeyValue("gid", gid.text())
          .addKeyValue("reason", why)
          .log("prepared transaction parked; it waits for a person, and holds its locks");
    }
    return parked;
  }

  /** Counts what is prepared, and forgets what was noted of what is not any more. */
  void upkeep() {
    List<Found> found = found();
    Duration oldest = found.stream().map(Found::age).reduce(Duration.ZERO, XaKeeper::longer);
    metrics.prepared(found.size(), oldest);
    if (!notes().isEmpty()) {
      Set<String> gids = found.stream().map(Found::gid).map(Gid::text).collect(Collectors.toSet());
      write(
          connection -> {
            store.keep(connection, gids);
            return true;
          });
    }
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) > 0 ? one : other;
  }

  private List<Found> found() {
    try {
      return ender.xa().all();
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  private Map<String, PreparedStore.Note> notes() {
    try {
      return ender.xa().ask(store::notes);
    } catch (SQLException e) {
      throw failed(e);
    }
  }

  /** A statement. */
  @FunctionalInterface
  private interface Statements<T> {
    T run(Connection connection) throws SQLException;
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
        "Could not look after the prepared transactions of service "
            + parts.service()
            + ": "
            + e.getMessage()
            + ". It is tried again.",
        GlobalTransactionException.Told.UNKNOWN,
        e);
  }
}
