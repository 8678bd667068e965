package dev.tenon.global;

import static dev.tenon.global.LocalOpenTransactions.refused;

import dev.tenon.global.OpenTransaction.BranchPart;
import dev.tenon.global.OpenTransaction.State;
import dev.tenon.global.OpenTransaction.What;
import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.OperationRefusedException.Reason;
import dev.tenon.global.PreparedTransactions.Found;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What operators see of prepared transactions, and do to them, in the open unit of work. An
 * instance of the service carries it out. Those that are prepared in other databases of the service
 * alone are not seen here.
 */
final class PreparedOperations {
  private final PreparedTransactions prepared;
  private final PreparedStore store;
  private final OperatorActions actions;

  PreparedOperations(ServiceDatabase database, TenonTables tables, OperatorActions actions) {
    this.prepared = new PreparedTransactions(database);
    this.store = new PreparedStore(tables);
    this.actions = actions;
  }

  /** The xids of those that a filter lets pass. */
  List<String> xids(Connection connection, OpenTransactions.Filter filter) throws SQLException {
    List<String> xids = new ArrayList<>();
    all(connection)
        .forEach(
            (xid, parts) -> {
              boolean any =
                  parts.stream()
                      .anyMatch(
                          part ->
                              switch (filter) {
                                case ALL -> true;
                                case IN_DOUBT -> part.state() != State.ENDING;
                                case PARKED -> part.state() == State.PARKED;
                              });
              if (any) {
                xids.add(xid);
              }
            });
    return xids;
  }

  /** All, by the texts of their xids. */
  Map<String, List<BranchPart>> all(Connection connection) throws SQLException {
    List<Found> found = prepared.find(connection, Gid.beginning(prepared.place()));
    if (found.isEmpty()) {
      return Map.of();
    }
    Map<String, PreparedStore.Note> notes = store.notes(connection);
    Map<String, List<BranchPart>> all = new HashMap<>();
    for (Found each : found) {
      Optional<PreparedStore.Note> note = Optional.ofNullable(notes.get(each.gid().text()));
      all.computeIfAbsent(each.gid().signed().xid().text(), xid -> new ArrayList<>())
          .add(part(each, note));
    }
    return all;
  }

  private static BranchPart part(Found found, Optional<PreparedStore.Note> note) {
    Gid gid = found.gid();
    Optional<Outcome> wanted = note.flatMap(PreparedStore.Note::wanted);
    State state = note.isEmpty() ? State.OPEN : wanted.isPresent() ? State.ENDING : State.PARKED;
    String starter = gid.signed().xid().starter();
    return new BranchPart(
        gid.step(),
        Optional.of(gid.branch()),
        Optional.of(new What(BranchKind.XA, "prepared", starter, gid.text())),
        state,
        new OpenTransaction.Progress(
            found.preparedAt(),
            wanted,
            Optional.empty(),
            0,
            0,
            note.flatMap(PreparedStore.Note::error)));
  }

  /** Has the starter asked again; says whether the step is prepared. */
  boolean retry(UnitOfWork unit, Part part, String step, Operator operator) throws SQLException {
    Optional<Gid> gid = find(unit, part, step);
    if (gid.isEmpty()) {
      return false;
    }
    if (!store.notes(unit.connection()).containsKey(gid.get().text())) {
      throw refused(
          Reason.NOT_POSSIBLE,
          "retry",
          part,
          "it is prepared, and its starter is asked about it already",
          "Wait for its answer, or force it.");
    }
    actions.add(unit.connection(), part, "retry", "prepared, parked", operator);
    store.forget(unit.connection(), gid.get());
    return true;
  }

  /** Refuses: what is prepared cannot be left out. Says whether the step is prepared. */
  boolean skip(UnitOfWork unit, Part part, String step) throws SQLException {
    if (find(unit, part, step).isPresent()) {
      throw refused(
          Reason.NOT_POSSIBLE,
          "skip",
          part,
          "it is prepared, and holds its locks until it is ended",
          "Force it to commit or to abort.");
    }
    return false;
  }

  /** Has it ended so; says whether the step is prepared. */
  boolean force(UnitOfWork unit, Part part, String step, Outcome outcome, Operator operator)
      throws SQLException {
    Optional<Gid> gid = find(unit, part, step);
    if (gid.isPresent()) {
      actions.add(unit.connection(), part, "force " + outcome, "prepared", operator);
      store.want(unit.connection(), gid.get(), outcome);
    }
    return gid.isPresent();
  }

  private Optional<Gid> find(UnitOfWork unit, Part part, String step) throws SQLException {
    return prepared.find(unit.connection(), Gid.beginning(prepared.place())).stream()
        .map(Found::gid)
        .filter(gid -> gid.signed().xid().equals(part.xid()) && gid.step().equals(step))
        .findFirst();
  }
}
