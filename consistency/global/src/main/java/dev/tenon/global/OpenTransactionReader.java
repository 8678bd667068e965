package dev.tenon.global;

import dev.tenon.global.OpenTransaction.BranchPart;
import dev.tenon.global.OpenTransaction.DecisionPart;
import dev.tenon.global.OpenTransaction.DecisionState;
import dev.tenon.global.OpenTransaction.SagaPart;
import dev.tenon.global.OpenTransaction.SagaState;
import dev.tenon.global.OpenTransaction.State;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Reads what a service's database says of distributed transactions, for operators. */
final class OpenTransactionReader {
  private static final String PLAIN = "split_part(xid_text, '.', 1)";
  private static final String NOT_ENDED = "(next_at IS NOT NULL OR state = 'PARKED')";
  private static final String BETWEEN_STEPS = " ";

  private static final String ALL =
      "SELECT "
          + PLAIN
          + " AS xid FROM tenon.global_decision WHERE acknowledged_at IS NULL UNION SELECT "
          + PLAIN
          + " FROM tenon.saga WHERE state IN ('RUNNING', 'FORWARD') UNION SELECT "
          + PLAIN
          + " FROM tenon.saga WHERE state = 'PARKED'"
          + " UNION SELECT xid FROM tenon.branch WHERE "
          + NOT_ENDED;

  private static final String IN_DOUBT =
      "SELECT xid FROM tenon.branch WHERE wanted IS NULL AND "
          + NOT_ENDED
          + " UNION SELECT "
          + PLAIN
          + " FROM tenon.global_decision WHERE acknowledged_at IS NULL AND NOT ("
          + DecisionStore.DECIDED
          + ")";

  private static final String PARKED =
      "SELECT "
          + PLAIN
          + " AS xid FROM tenon.global_decision WHERE acknowledged_at IS NULL"
          + " AND problem IS NOT NULL UNION SELECT "
          + PLAIN
          + " FROM tenon.saga WHERE state = 'PARKED'"
          + " UNION SELECT xid FROM tenon.branch WHERE state = 'PARKED'";

  private static final String STARTED = "split_part(xid, '~', 3)::bigint";
  private static final String ID = "split_part(xid, '~', 5)::uuid";

  private final String service;
  private final TenonTables tables;
  private final BranchStore branches;
  private final PreparedOperations prepared;
  private final OperatorActions actions;
  private final String alive;

  /**
   * Makes one.
   *
   * @param alive the condition in SQL under which the instance in column {@code owner} has a lease
   */
  OpenTransactionReader(
      String service,
      TenonTables tables,
      BranchStore branches,
      PreparedOperations prepared,
      OperatorActions actions,
      String alive) {
    this.service = service;
    this.tables = tables;
    this.branches = branches;
    this.prepared = prepared;
    this.actions = actions;
    this.alive = alive + " AS alive";
  }

  List<OpenTransaction> list(Connection connection, OpenTransactions.Page page)
      throws SQLException {
    String which =
        switch (page.filter()) {
          case ALL -> ALL;
          case IN_DOUBT -> IN_DOUBT;
          case PARKED -> PARKED;
        };
    Xid after = page.after();
    List<Xid> found = new ArrayList<>();
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT xid FROM ("
                + which
                + " UNION SELECT unnest(?::text[])) AS open WHERE ("
                + STARTED
                + ", "
                + ID
                + ") > (?, ?) ORDER BY "
                + STARTED
                + ", "
                + ID
                + " LIMIT ?")) {
      Object[] named = prepared.xids(connection, page.filter()).toArray();
      select.setArray(1, connection.createArrayOf("text", named));
      select.setLong(2, after == null ? -1 : after.startedAt().toEpochMilli());
      select.setObject(3, after == null ? new UUID(0, 0) : after.id());
      select.setInt(4, page.most());
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found.add(Xid.parse(row.getString("xid")));
        }
      }
    }
    return find(connection, found);
  }

  Optional<Xid> resolve(Connection connection, UUID id) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT "
                + PLAIN
                + " AS xid FROM tenon.global_decision WHERE xid = ? UNION SELECT "
                + PLAIN
                + " FROM tenon.saga WHERE xid = ? UNION SELECT xid FROM tenon.branch WHERE "
                + NOT_ENDED
                + " AND "
                + ID
                + " = ? LIMIT 1")) {
      select.setObject(1, id);
      select.setObject(2, id);
      select.setObject(3, id);
      try (ResultSet row = select.executeQuery()) {
        if (row.next()) {
          return Optional.of(Xid.parse(row.getString("xid")));
        }
      }
    }
    return prepared.xids(connection, OpenTransactions.Filter.ALL).stream()
        .map(Xid::parse)
        .filter(xid -> xid.id().equals(id))
        .findFirst();
  }

  List<OpenTransaction> find(Connection connection, List<Xid> xids) throws SQLException {
    if (xids.isEmpty()) {
      return List.of();
    }
    List<String> texts = xids.stream().map(Xid::text).toList();
    Object[] ids = xids.stream().map(Xid::id).toArray();
    Map<UUID, DecisionPart> decisions = decisions(connection, ids);
    Map<UUID, SagaPart> sagas = sagas(connection, ids, decisions);
    Map<String, List<BranchPart>> parts = new HashMap<>();
    for (BranchRow row : branches.of(connection, texts)) {
      parts.computeIfAbsent(row.key().xid().text(), xid -> new ArrayList<>()).add(branch(row));
    }
    for (Map.Entry<String, List<BranchPart>> each : prepared.all(connection).entrySet()) {
      if (texts.contains(each.getKey())) {
        parts.computeIfAbsent(each.getKey(), xid -> new ArrayList<>()).addAll(each.getValue());
      }
    }
    Map<String, List<OpenTransaction.Action>> done = actions.of(connection, texts);
    List<OpenTransaction> found = new ArrayList<>();
    for (Xid xid : xids) {
      OpenTransaction one =
          new OpenTransaction(
              xid,
              service,
              Optional.ofNullable(decisions.get(xid.id())),
              Optional.ofNullable(sagas.get(xid.id())),
              parts.getOrDefault(xid.text(), List.of()),
              done.getOrDefault(xid.text(), List.of()));
      if (!isNothing(one)) {
        found.add(one);
      }
    }
    return found;
  }

  private static boolean isNothing(OpenTransaction one) {
    return one.decision().isEmpty()
        && one.saga().isEmpty()
        && one.branches().isEmpty()
        && one.actions().isEmpty();
  }

  private Map<UUID, DecisionPart> decisions(Connection connection, Object[] ids)
      throws SQLException {
    Map<UUID, DecisionPart> found = new HashMap<>();
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT xid, outcome, branches, decided_at, owner, next_at, attempts, problem,"
                + " acknowledged_at, "
                + alive
                + " FROM tenon.global_decision WHERE xid = ANY (?) AND "
                + DecisionStore.DECIDED)) {
      select.setArray(1, connection.createArrayOf("uuid", ids));
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found.put(row.getObject("xid", UUID.class), decision(row));
        }
      }
    }
    return found;
  }

  private static DecisionPart decision(ResultSet row) throws SQLException {
    Decision decision = DecisionStore.decision(row.getString("outcome"), row.getString("branches"));
    Optional<String> problem = Optional.ofNullable(row.getString("problem"));
    DecisionState state =
        instant(row, "acknowledged_at").isPresent()
            ? DecisionState.ACKNOWLEDGED
            : problem.isPresent() ? DecisionState.PROBLEM : DecisionState.TELLING;
    return new DecisionPart(
        decision.outcome(),
        DecisionStore.instant(row, "decided_at"),
        state,
        decision.branches(),
        new OpenTransaction.Telling(
            row.getInt("attempts"),
            instant(row, "next_at"),
            Optional.ofNullable(row.getObject("owner", UUID.class)),
            row.getBoolean("alive"),
            problem));
  }

  private Map<UUID, SagaPart> sagas(
      Connection connection, Object[] ids, Map<UUID, DecisionPart> decisions) throws SQLException {
    Map<UUID, SagaPart> found = new HashMap<>();
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT xid, type, id, state, history, attempts, owner, wake_at, awaits, error, pivot, "
                + alive
                + " FROM tenon.saga WHERE xid = ANY (?)")) {
      select.setArray(1, connection.createArrayOf("uuid", ids));
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          UUID id = row.getObject("xid", UUID.class);
          found.put(id, saga(row, Optional.ofNullable(decisions.get(id))));
        }
      }
    }
    return found;
  }

  private static SagaPart saga(ResultSet row, Optional<DecisionPart> decision) throws SQLException {
    Sagas.State stored = Sagas.State.valueOf(row.getString("state"));
    Optional<UUID> owner = Optional.ofNullable(row.getObject("owner", UUID.class));
    Optional<String> awaits = Optional.ofNullable(row.getString("awaits"));
    int attempts = row.getInt("attempts");
    SagaState state =
        switch (stored) {
          case RUNNING, FORWARD -> {
            boolean inDoubt = row.getString("pivot") != null && decision.isEmpty();
            SagaState found = underWay(owner, awaits, attempts);
            yield inDoubt && found == SagaState.FAILING ? SagaState.IN_DOUBT : found;
          }
          case DONE -> SagaState.DONE;
          case PARKED -> SagaState.PARKED;
          case ABORTED ->
              decision.filter(one -> one.state() != DecisionState.ACKNOWLEDGED).isPresent()
                  ? SagaState.COMPENSATING
                  : SagaState.ABORTED;
        };
    boolean committed =
        stored == Sagas.State.FORWARD
            || decision.filter(one -> one.outcome() == Outcome.COMMITTED).isPresent();
    boolean waits =
        state == SagaState.SLEEPING
            || state == SagaState.AWAITING
            || state == SagaState.FAILING
            || state == SagaState.IN_DOUBT;
    String history = row.getString("history");
    return new SagaPart(
        row.getString("type"),
        row.getString("id"),
        state,
        new OpenTransaction.Run(
            committed,
            owner,
            row.getBoolean("alive"),
            waits ? instant(row, "wake_at") : Optional.empty(),
            awaits,
            attempts),
        history.isEmpty() ? List.of() : List.of(history.split(BETWEEN_STEPS)),
        Optional.ofNullable(row.getString("error")));
  }

  private static SagaState underWay(Optional<UUID> owner, Optional<String> awaits, int attempts) {
    if (owner.isPresent()) {
      return SagaState.RUNNING;
    }
    if (awaits.isPresent()) {
      return SagaState.AWAITING;
    }
    return attempts > 0 ? SagaState.FAILING : SagaState.SLEEPING;
  }

  static BranchPart branch(BranchRow row) {
    State state =
        switch (row.stored()) {
          case TRYING -> State.TRYING;
          case CANCELLED_IN_TRY -> State.CANCELLED_IN_TRY;
          case PARKED -> State.PARKED;
          case OPEN -> row.wanted().isPresent() ? State.ENDING : State.OPEN;
          case COMMITTED -> State.COMMITTED;
          case ABORTED -> State.ABORTED;
        };
    return new BranchPart(
        row.key().step(),
        row.id(),
        row.work()
            .map(
                work ->
                    new OpenTransaction.What(
                        work.kind(), work.type(), work.caller(), work.operation())),
        state,
        new OpenTransaction.Progress(
            row.times().openedAt(),
            row.wanted(),
            row.times().nextAt(),
            row.counts().asked(),
            row.counts().attempts(),
            row.error()));
  }

  private static Optional<Instant> instant(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }
}
