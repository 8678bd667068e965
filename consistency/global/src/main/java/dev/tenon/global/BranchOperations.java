package dev.tenon.global;

import static dev.tenon.global.LocalOpenTransactions.refused;

import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.OperationRefusedException.Reason;
import dev.tenon.messaging.Messaging;
import dev.tenon.transaction.UnitOfWork;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;

/** What operators do to a branch, in the open unit of work. */
final class BranchOperations {
  private final BranchStore store;
  private final AutomaticBranches automatic;
  private final OperatorActions actions;
  private final Messaging messaging;
  private final InstantSource clock;

  BranchOperations(
      BranchStore store,
      AutomaticBranches automatic,
      OperatorActions actions,
      Messaging messaging,
      InstantSource clock) {
    this.store = store;
    this.automatic = automatic;
    this.actions = actions;
    this.messaging = messaging;
    this.clock = clock;
  }

  private static boolean isAutomatic(BranchRow row) {
    return row.work().filter(work -> work.kind() == BranchKind.AT).isPresent();
  }

  void retry(UnitOfWork unit, Part part, String step, Operator operator) throws SQLException {
    BranchRow row = lock(unit, "retry", part, step);
    BranchRow.Counts counts =
        switch (row.stored()) {
          case PARKED -> BranchRow.Counts.NONE;
          case OPEN -> row.counts();
          case TRYING, CANCELLED_IN_TRY ->
              throw refused(
                  Reason.NOT_POSSIBLE,
                  "retry",
                  part,
                  "it is " + found(row) + ", and its try is under way",
                  "Wait for its end, or force it to abort.");
          case COMMITTED, ABORTED -> throw ended("retry", part, row);
        };
    note(unit, part, row, "retry", operator);
    put(unit, row, BranchRow.Stored.OPEN, row.wanted(), counts);
  }

  void skip(UnitOfWork unit, Part part, String step, Operator operator) throws SQLException {
    BranchRow row = lock(unit, "skip", part, step);
    switch (row.stored()) {
      case PARKED -> {}
      case OPEN, TRYING, CANCELLED_IN_TRY ->
          throw refused(
              Reason.NOT_POSSIBLE,
              "skip",
              part,
              "it is " + found(row) + ", not parked",
              "Only what is parked can be skipped.");
      case COMMITTED, ABORTED -> throw ended("skip", part, row);
    }
    Outcome wanted =
        row.wanted()
            .orElseThrow(
                () ->
                    refused(
                        Reason.NOT_POSSIBLE,
                        "skip",
                        part,
                        "it is not known how it is to end",
                        "Force it to commit or to abort."));
    note(unit, part, row, "skip " + wanted, operator);
    BranchEnder.settle(messaging, unit, row, wanted);
    if (isAutomatic(row)) {
      automatic.release(unit.connection(), List.of(row.known()));
    }
    store.close(unit.connection(), row.key(), wanted, clock.instant());
  }

  void force(UnitOfWork unit, Part part, String step, Outcome outcome, Operator operator)
      throws SQLException {
    BranchRow row = lock(unit, "force", part, step);
    BranchRow.Stored stored =
        switch (row.stored()) {
          case OPEN, PARKED -> BranchRow.Stored.OPEN;
          case TRYING -> {
            if (outcome == Outcome.COMMITTED) {
              throw refused(
                  Reason.NOT_POSSIBLE,
                  "force",
                  part,
                  "it is TRYING, and nobody knows whether its try succeeds",
                  "Force it to abort, or wait for the end of its try.");
            }
            yield BranchRow.Stored.TRYING;
          }
          case CANCELLED_IN_TRY ->
              throw refused(
                  Reason.NOT_POSSIBLE,
                  "force",
                  part,
                  "it is undone already, and is once more when its try ends",
                  "Wait for that.");
          case COMMITTED, ABORTED -> throw ended("force", part, row);
        };
    if (row.stored() == BranchRow.Stored.OPEN && row.wanted().filter(outcome::equals).isPresent()) {
      throw refused(
          Reason.NOT_POSSIBLE,
          "force",
          part,
          "it is to be " + outcome + " already",
          "Retry it, if its next attempt is not to be waited for.");
    }
    note(unit, part, row, "force " + outcome, operator);
    if (isAutomatic(row) && row.stored() == BranchRow.Stored.PARKED) {
      store.argument(unit.connection(), row.key(), AutomaticBranches.OVERWRITE);
    }
    put(unit, row, stored, Optional.of(outcome), BranchRow.Counts.NONE);
  }

  private void put(
      UnitOfWork unit,
      BranchRow row,
      BranchRow.Stored stored,
      Optional<Outcome> wanted,
      BranchRow.Counts counts)
      throws SQLException {
    store.change(
        unit.connection(),
        row.key(),
        new BranchStore.Change(stored, wanted, Optional.of(clock.instant()), counts, row.error()));
  }

  private void note(UnitOfWork unit, Part part, BranchRow row, String action, Operator operator)
      throws SQLException {
    String found = found(row) + row.error().map(error -> ": " + error).orElse("");
    actions.add(unit.connection(), part, action, found, operator);
  }

  private static String found(BranchRow row) {
    return row.stored() + row.wanted().map(wanted -> ", to be " + wanted).orElse("");
  }

  private BranchRow lock(UnitOfWork unit, String verb, Part part, String step) throws SQLException {
    return switch (store.lock(unit.connection(), new BranchRow.Key(part.xid(), step))) {
      case BranchStore.Found.Row locked -> locked.row();
      case BranchStore.Found.Missing missing ->
          throw refused(
              Reason.UNKNOWN,
              verb,
              part,
              "this service has no such branch",
              "Look at which service has it.");
      case BranchStore.Found.Busy busy ->
          throw refused(Reason.BUSY, verb, part, "it is being worked on", "Try again in a moment.");
    };
  }

  private static OperationRefusedException ended(String verb, Part part, BranchRow row) {
    return refused(
        Reason.NOT_POSSIBLE,
        verb,
        part,
        "it has ended: " + row.stored(),
        "Nothing is left to be done.");
  }
}
