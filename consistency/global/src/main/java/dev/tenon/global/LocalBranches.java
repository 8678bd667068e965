package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.transaction.UnitOfWork;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What operators see and do at a participant. */
final class LocalBranches implements Branches {
  private final ParticipantParts parts;
  private final BranchStore store;
  private final BranchEnder ender;

  LocalBranches(ParticipantParts parts, BranchStore store, BranchEnder ender) {
    this.parts = parts;
    this.store = store;
    this.ender = ender;
  }

  @Override
  public List<OpenBranch> list(int most) {
    if (most < 1 || most > LIST_MAX) {
      throw new IllegalArgumentException("most: " + most + " (expected: 1.." + LIST_MAX + ")");
    }
    try {
      return parts
          .transactions()
          .<List<OpenBranch>, SQLException>read(
              unit -> store.notEnded(unit.connection(), most).stream().map(this::shown).toList());
    } catch (SQLException e) {
      throw failed("list the branches", e);
    }
  }

  @Override
  public Optional<OpenBranch> find(Xid xid, String step) {
    try {
      return parts
          .transactions()
          .<Optional<OpenBranch>, SQLException>read(
              unit ->
                  store
                      .look(unit.connection(), new BranchRow.Key(xid, step))
                      .filter(row -> !(row.state() instanceof BranchState.Closed))
                      .map(this::shown));
    } catch (SQLException e) {
      throw failed("find the branch " + step + " of " + xid, e);
    }
  }

  private OpenBranch shown(BranchRow row) {
    BranchRow.Work work = row.work().orElseThrow();
    Instant openedAt = row.times().openedAt();
    State state =
        switch (row.stored()) {
          case TRYING -> State.TRYING;
          case CANCELLED_IN_TRY -> State.CANCELLED_IN_TRY;
          case PARKED -> State.PARKED;
          case OPEN -> row.wanted().isPresent() ? State.ENDING : State.OPEN;
          case COMMITTED, ABORTED -> throw new IllegalStateException("it has ended");
        };
    return new OpenBranch(
        row.key().xid(),
        row.key().step(),
        row.known(),
        new What(work.kind(), work.type(), work.caller(), work.operation()),
        state,
        new Progress(
            openedAt,
            Duration.between(openedAt, parts.now()),
            row.wanted(),
            row.counts().asked(),
            row.counts().attempts(),
            row.error()));
  }

  @Override
  public OrderResult retry(Xid xid, String step, Operator operator) {
    BranchRow found =
        change(
            xid,
            step,
            (unit, row) -> {
              requireParked(row);
              store.note(unit.connection(), row, "retry", operator);
              reopen(unit, row, row.wanted());
            });
    return found.wanted().map(wanted -> end(found, wanted)).orElse(OrderResult.LATER);
  }

  @Override
  public void skip(Xid xid, String step, Operator operator) {
    change(
        xid,
        step,
        (unit, row) -> {
          requireParked(row);
          Outcome wanted =
              row.wanted()
                  .orElseThrow(
                      () ->
                          new IllegalArgumentException(
                              "branch: "
                                  + step
                                  + " of "
                                  + xid
                                  + " (expected: one of which it is known how it ends; force it)"));
          store.note(unit.connection(), row, "skip " + wanted, operator);
          ender.settle(unit, row, wanted);
          store.close(unit.connection(), row.key(), wanted, parts.now());
        });
  }

  @Override
  public OrderResult force(Xid xid, String step, Outcome outcome, Operator operator) {
    BranchRow found =
        change(
            xid,
            step,
            (unit, row) -> {
              boolean inTry =
                  switch (row.stored()) {
                    case TRYING, CANCELLED_IN_TRY -> true;
                    case OPEN, PARKED, COMMITTED, ABORTED -> false;
                  };
              if (inTry && outcome == Outcome.COMMITTED) {
                throw new IllegalArgumentException(
                    "outcome: " + outcome + " (expected: ABORTED while the try is under way)");
              }
              store.note(unit.connection(), row, "force " + outcome, operator);
              if (!inTry) {
                reopen(unit, row, Optional.of(outcome));
              }
            });
    return end(found, outcome);
  }

  private static void requireParked(BranchRow row) {
    if (row.stored() != BranchRow.Stored.PARKED) {
      throw new IllegalArgumentException(
          "branch: "
              + row.key().step()
              + " of "
              + row.key().xid()
              + " is "
              + row.stored()
              + " (expected: PARKED)");
    }
  }

  private void reopen(UnitOfWork unit, BranchRow row, Optional<Outcome> wanted)
      throws SQLException {
    store.change(
        unit.connection(),
        row.key(),
        new BranchStore.Change(
            BranchRow.Stored.OPEN,
            wanted,
            Optional.of(parts.now()),
            BranchRow.Counts.NONE,
            row.error()));
  }

  private OrderResult end(BranchRow row, Outcome outcome) {
    return ender.alone(
        new BranchEnder.Task(
            row.key(), row.header(), BranchEnder.told(row.id(), outcome), BranchEnder.Turn.NOW));
  }

  /** A change of a locked branch. */
  @FunctionalInterface
  private interface Change {
    void make(UnitOfWork unit, BranchRow row) throws SQLException;
  }

  /** Changes a branch that has not ended, and gives what it was. */
  private BranchRow change(Xid xid, String step, Change change) {
    BranchRow.Key key = new BranchRow.Key(xid, step);
    try {
      return parts
          .transactions()
          .<BranchRow, SQLException>call(
              unit -> {
                BranchRow row =
                    switch (store.lock(unit.connection(), key)) {
                      case BranchStore.Found.Row locked -> locked.row();
                      case BranchStore.Found.Missing missing -> throw none(key);
                      case BranchStore.Found.Busy busy ->
                          throw new GlobalTransactionException(
                              "Could not change the branch "
                                  + step
                                  + " of "
                                  + xid
                                  + ": it is being worked on. Try again in a moment.",
                              Told.UNKNOWN,
                              null);
                    };
                if (row.state() instanceof BranchState.Closed) {
                  throw none(key);
                }
                change.make(unit, row);
                return row;
              });
    } catch (SQLException e) {
      throw failed("change the branch " + step + " of " + xid, e);
    }
  }

  private static IllegalArgumentException none(BranchRow.Key key) {
    return new IllegalArgumentException(
        "branch: " + key.step() + " of " + key.xid() + " (expected: one that has not ended)");
  }

  private static GlobalTransactionException failed(String what, SQLException e) {
    return new GlobalTransactionException(
        "Could not " + what + ": " + e.getMessage() + ". Look at the database, and try again.",
        Told.UNKNOWN,
        e);
  }
}
