package dev.tenon.global;

import static dev.tenon.global.LocalOpenTransactions.refused;

import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.OperationRefusedException.Reason;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;

/** What operators do to a saga or a decision of this service, in the open unit of work. */
final class StartedOperations {
  private static final String LOCK = " FOR UPDATE";
  private static final String LOOK = "";

  private final TenonTables tables;
  private final DecisionStore decisions;
  private final OperatorActions actions;
  private final InstantSource clock;

  StartedOperations(
      TenonTables tables, DecisionStore decisions, OperatorActions actions, InstantSource clock) {
    this.tables = tables;
    this.decisions = decisions;
    this.actions = actions;
    this.clock = clock;
  }

  /** What this service has started. */
  private sealed interface Started {
    /** A saga that has not ended. */
    record OfSaga(
        String header,
        Sagas.State state,
        boolean owned,
        int attempts,
        boolean committed,
        String name)
        implements Started {
      String found() {
        return "the saga " + name + " is " + state + (committed ? ", committed" : "");
      }
    }

    /** A decision, of a saga that has ended or of another transaction. */
    record OfDecision(Outcome outcome, boolean acknowledged, int attempts, String problem)
        implements Started {
      String found() {
        return "its decision is "
            + outcome
            + (acknowledged ? ", acknowledged" : ", told " + (attempts + 1) + " times")
            + (problem.isEmpty() ? "" : ", " + problem);
      }
    }
  }

  void retry(UnitOfWork unit, Part part, Operator operator) throws SQLException {
    Connection connection = unit.connection();
    switch (find(connection, "retry", part, LOCK)) {
      case Started.OfSaga saga -> {
        requireWaiting(part, saga);
        actions.add(connection, part, "retry", saga.found(), operator);
        runAgain(connection, part.xid(), saga.committed());
      }
      case Started.OfDecision decision -> {
        requireOpen("retry", part, decision);
        actions.add(connection, part, "retry", decision.found(), operator);
        update(
            connection,
            part.xid(),
            "UPDATE tenon.global_decision SET next_at = clock_timestamp(), attempts = 0"
                + " WHERE xid = ?");
      }
    }
  }

  void skip(UnitOfWork unit, Part part, Operator operator) throws SQLException {
    Connection connection = unit.connection();
    switch (find(connection, "skip", part, LOCK)) {
      case Started.OfSaga saga ->
          throw refused(
              Reason.NOT_POSSIBLE,
              "skip",
              part,
              saga.found(),
              "Retry it" + (saga.committed() ? "." : ", or force it to abort."));
      case Started.OfDecision decision -> {
        requireOpen("skip", part, decision);
        actions.add(connection, part, "skip", decision.found(), operator);
        update(
            connection,
            part.xid(),
            "UPDATE tenon.global_decision SET acknowledged_at = clock_timestamp(), owner = NULL,"
                + " next_at = NULL WHERE xid = ?");
      }
    }
  }

  void force(UnitOfWork unit, Part part, Outcome outcome, Operator operator) throws SQLException {
    Connection connection = unit.connection();
    switch (find(connection, "force", part, LOOK)) {
      case Started.OfSaga saga -> {
        requireAbortable(part, saga, outcome);
        actions.add(connection, part, "force " + outcome, saga.found(), operator);
        abort(connection, part, saga, operator);
      }
      case Started.OfDecision decision ->
          throw refused(
              Reason.NOT_POSSIBLE,
              "force",
              part,
              decision.found() + ", and stands",
              "Force the branch at its participant, by its step.");
    }
  }

  private static void requireWaiting(Part part, Started.OfSaga saga) {
    boolean parked = saga.state() == Sagas.State.PARKED;
    boolean failing = !saga.owned() && saga.attempts() > 0;
    if (!parked && !failing) {
      throw refused(
          Reason.NOT_POSSIBLE,
          "retry",
          part,
          saga.found() + ", and nothing of it has failed",
          saga.owned()
              ? "It is run by an instance, or taken over from it."
              : "It goes on when its time or its signal comes.");
    }
  }

  private static void requireAbortable(Part part, Started.OfSaga saga, Outcome outcome) {
    if (outcome == Outcome.COMMITTED) {
      throw refused(
          Reason.NOT_POSSIBLE,
          "force",
          part,
          saga.found() + ", and only its own code can commit it",
          "Retry it" + (saga.committed() ? "." : ", or force it to abort."));
    }
    if (saga.committed()) {
      throw committed(part, saga);
    }
  }

  private static OperationRefusedException committed(Part part, Started.OfSaga saga) {
    return refused(
        Reason.NOT_POSSIBLE,
        "force",
        part,
        saga.found() + ", past its pivot, and only goes forward",
        "Mend what fails, and retry it.");
  }

  private static void requireOpen(String verb, Part part, Started.OfDecision decision) {
    if (decision.acknowledged()) {
      throw refused(
          Reason.NOT_POSSIBLE, verb, part, decision.found(), "Nothing is left to be done.");
    }
  }

  private Started find(Connection connection, String verb, Part part, String lock)
      throws SQLException {
    Optional<Started.OfDecision> decision = decision(connection, part.xid(), lock);
    boolean committed = decision.filter(one -> one.outcome() == Outcome.COMMITTED).isPresent();
    Optional<Started.OfSaga> saga = saga(connection, part.xid(), committed, lock);
    if (saga.isPresent()) {
      return saga.get();
    }
    return decision.orElseThrow(
        () ->
            refused(
                Reason.UNKNOWN,
                verb,
                part,
                "this service has started no such transaction, or not decided it",
                "Look at its starter, " + part.xid().starter() + ", or name a branch's step."));
  }

  private Optional<Started.OfDecision> decision(Connection connection, Xid xid, String lock)
      throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT outcome, acknowledged_at IS NOT NULL AS acknowledged, attempts,"
                + " coalesce(problem, '') AS problem FROM tenon.global_decision WHERE xid = ?"
                + " AND split_part(xid_text, '.', 1) = ? AND "
                + DecisionStore.DECIDED
                + lock)) {
      select.setObject(1, xid.id());
      select.setString(2, xid.text());
      try (ResultSet row = select.executeQuery()) {
        return row.next()
            ? Optional.of(
                new Started.OfDecision(
                    Outcome.valueOf(row.getString("outcome")),
                    row.getBoolean("acknowledged"),
                    row.getInt("attempts"),
                    row.getString("problem")))
            : Optional.empty();
      }
    }
  }

  private Optional<Started.OfSaga> saga(
      Connection connection, Xid xid, boolean committed, String lock) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT xid_text, state, owner IS NOT NULL AS owned, attempts,"
                + " type || '/' || id AS name FROM tenon.saga WHERE xid = ?"
                + " AND split_part(xid_text, '.', 1) = ? AND state NOT IN ('DONE', 'ABORTED')"
                + lock)) {
      select.setObject(1, xid.id());
      select.setString(2, xid.text());
      try (ResultSet row = select.executeQuery()) {
        if (!row.next()) {
          return Optional.empty();
        }
        Sagas.State state = Sagas.State.valueOf(row.getString("state"));
        return Optional.of(
            new Started.OfSaga(
                row.getString("xid_text"),
                state,
                row.getBoolean("owned"),
                row.getInt("attempts"),
                committed || state == Sagas.State.FORWARD,
                row.getString("name")));
      }
    }
  }

  private void runAgain(Connection connection, Xid xid, boolean committed) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.saga SET state = ?, owner = NULL, attempts = 0, failures = 0, wake_at = ?"
                + " WHERE xid = ?")) {
      update.setString(1, (committed ? Sagas.State.FORWARD : Sagas.State.RUNNING).name());
      update.setObject(2, clock.instant().atOffset(ZoneOffset.UTC));
      update.setObject(3, xid.id());
      update.executeUpdate();
    }
  }

  /**
   * A run under way loses its saga: its decision finds this one, and the fence grows. The decision
   * is written first, as runs do: two that wait for one another in a circle would both fail.
   */
  private void abort(Connection connection, Part part, Started.OfSaga saga, Operator operator)
      throws SQLException {
    SignedXid xid = new SignedXid(part.xid(), saga.header());
    Optional<Decision> standing;
    try {
      standing = decisions.abort(connection, xid, List.of(), null);
    } catch (DecisionStore.InDoubtException e) {
      standing = abortInDoubt(connection, part, saga);
    }
    if (standing.isEmpty()) {
      throw refused(
          Reason.NOT_POSSIBLE,
          "force",
          part,
          "what was decided about it is lost or forgotten",
          "Look at its branches at the participants, and force each.");
    }
    if (standing.get().outcome() == Outcome.COMMITTED) {
      throw committed(part, saga);
    }
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.saga SET state = 'ABORTED', owner = NULL, fence = fence + 1,"
                + " awaits = NULL, error = ?, ended_at = clock_timestamp()"
                + " WHERE xid = ? AND state NOT IN ('DONE', 'ABORTED')"
                + " AND (owner IS NULL OR pivot IS NULL)")) {
      update.setString(1, "aborted by " + operator.who() + ": " + operator.why());
      update.setObject(2, part.xid().id());
      if (update.executeUpdate() != 1) {
        throw refused(
            Reason.BUSY, "force", part, "it is ending by itself", "Look again in a moment.");
      }
    }
    askNow(connection, part.xid());
  }

  /** The service's own branches need not wait for their next question. */
  private void askNow(Connection connection, Xid xid) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.branch SET next_at = ? WHERE xid = ? AND state = 'OPEN'"
                + " AND wanted IS NULL")) {
      update.setObject(1, clock.instant().atOffset(ZoneOffset.UTC));
      update.setString(2, xid.text());
      update.executeUpdate();
    }
  }

  /**
   * A person says that the pivot was not done, as nobody else ever will. Not while it is being
   * repeated: the answer might be another one. Who tells the participants is an instance that is
   * not there, so that one takes it over.
   */
  private Optional<Decision> abortInDoubt(Connection connection, Part part, Started.OfSaga saga)
      throws SQLException {
    if (saga.owned()) {
      throw refused(
          Reason.BUSY,
          "force",
          part,
          saga.found() + ", and its pivot is in doubt and just being repeated",
          "Look again in a moment.");
    }
    return decisions.answer(connection, part.xid(), Outcome.ABORTED, part.xid().id());
  }

  private void update(Connection connection, Xid xid, String sql) throws SQLException {
    try (PreparedStatement update = tables.prepare(connection, decisions.timed(sql))) {
      update.setObject(1, xid.id());
      update.executeUpdate();
    }
  }
}
