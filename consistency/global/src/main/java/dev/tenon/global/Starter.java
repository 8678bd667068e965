package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.Protocol.CommitCheck;
import dev.tenon.global.StarterScope.Stage;
import dev.tenon.runtime.BackgroundLoops;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the distributed transactions that this service starts, up to their decisions. Thread-safe.
 */
final class Starter {
  private static final Logger log = LoggerFactory.getLogger(Starter.class);

  /**
   * How often the outcome of a commit is looked up before the caller is told that it is unknown.
   */
  private static final int LOOKS_MAX = 3;

  private final GlobalParts parts;
  private final DecisionStore store;
  private final Instances instances;
  private final PhaseTwo phaseTwo;
  private final BackgroundLoops loops;

  Starter(
      GlobalParts parts,
      DecisionStore store,
      Instances instances,
      PhaseTwo phaseTwo,
      BackgroundLoops loops) {
    this.parts = parts;
    this.store = store;
    this.instances = instances;
    this.phaseTwo = phaseTwo;
    this.loops = loops;
    parts.transactions().onBegin(this::unitBegun);
  }

  /** Runs work as a transaction, or as part of the one under way. */
  <T, X extends Exception> T call(
      Duration timeout, Nesting nesting, GlobalTransactions.Work<T, X> work) throws X {
    Optional<Scope> outer = Scope.current();
    return outer.isPresent() && nesting == Nesting.JOIN
        ? join(outer.get(), work)
        : start(timeout, work);
  }

  private static <T, X extends Exception> T join(Scope outer, GlobalTransactions.Work<T, X> work)
      throws X {
    boolean done = false;
    try {
      T answer = work.call(new Handle(outer));
      done = true;
      return answer;
    } finally {
      if (!done) {
        outer.update(ledger -> ledger.onlyRollback("work that had joined it failed"));
      }
    }
  }

  private <T, X extends Exception> T start(Duration timeout, GlobalTransactions.Work<T, X> work)
      throws X {
    StarterScope scope = begin(timeout);
    try (Scope.Entered entered = scope.enter()) {
      T answer = work.call(new Handle(scope));
      complete(scope);
      return answer;
    } catch (Exception failure) {
      failed(scope, failure);
      throw failure;
    } catch (Error failure) {
      rollBackOutside(scope);
      if (scope.stage() == Stage.CALLING) {
        abort(scope);
      }
      throw failure;
    }
  }

  /** What the work sees of a transaction. */
  record Handle(Scope scope) implements GlobalTransaction {
    @Override
    public Xid xid() {
      return scope.xid();
    }

    @Override
    public void setRollbackOnly(String reason) {
      scope.update(ledger -> ledger.onlyRollback(reason));
    }
  }

  /** A new xid of this service; nothing is written. */
  SignedXid next(Duration timeout) {
    Instant now = parts.runtime().clock().instant();
    Xid xid =
        new Xid(
            parts.service(),
            instances.incarnation(),
            now,
            now.plus(timeout),
            parts.runtime().ids().next());
    return SignedXid.sign(xid, parts.signer());
  }

  private StarterScope begin(Duration timeout) {
    Duration longest = parts.config().keep();
    if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(longest) > 0) {
      throw new IllegalArgumentException(
          "timeout: " + timeout + " (expected: 1 ms to " + longest + ", which decisions are kept)");
    }
    StarterScope scope = new StarterScope(this, next(timeout), parts.runtime().clock());
    parts
        .transactions()
        .current()
        .ifPresent(
            unit -> {
              if (unit.readOnly()) {
                throw new GlobalTransactionException(
                    "Could not start a distributed transaction [service="
                        + parts.service()
                        + "]: a read-only unit of work is open, and its decision could not be"
                        + " written. Start it outside.",
                    Told.ABORTED,
                    null);
              }
              scope.giveOutside(unit);
            });
    return scope;
  }

  /** A unit of work was begun on this thread. */
  private void unitBegun(UnitOfWork unit) {
    if (Scope.current().orElse(null) instanceof StarterScope scope
        && scope.owner() == this
        && scope.isFree()) {
      scope.give(unit);
      decideWith(scope, unit);
    }
  }

  private void decideWith(StarterScope scope, UnitOfWork unit) {
    unit.beforeCommit(connection -> decide(scope, connection));
    unit.afterEnd(ending -> unitEnded(scope, ending));
  }

  /** Inserts the decision; a unit of work is about to commit. */
  private void decide(StarterScope scope, Connection connection) throws SQLException {
    Ledger ledger = scope.fix();
    ledger
        .obstacle()
        .ifPresent(
            reason -> {
              throw refused(scope, reason, "Repeat it as a new one");
            });
    List<Branch> branches = ledger.branches();
    if (branches.isEmpty()) {
      return; // nobody will ask
    }
    CommitCheck check = store.commit(connection, scope.signed(), branches, instances.id());
    switch (check) {
      case GRANTED -> {}
      case DECIDED, IN_DOUBT -> throw refused(scope, "it is decided already", "Give it more time");
      case TOO_LATE -> throw refused(scope, "its deadline has passed", "Give it more time");
      case OTHER_HISTORY -> {
        instances.forgetIncarnation();
        throw refused(scope, "the database was restored or failed over", "Repeat it as a new one");
      }
      case FORGOTTEN ->
          throw refused(scope, "it was started too long ago", "Check this machine's clock");
    }
  }

  private static GlobalTransactionException refused(
      StarterScope scope, String reason, String advice) {
    return new GlobalTransactionException(
        "Could not commit the distributed transaction "
            + scope.xid()
            + ": "
            + reason
            + ". "
            + advice
            + ".",
        Told.ABORTED,
        null);
  }

  private void unitEnded(StarterScope scope, UnitOfWork.Ending ending) {
    boolean outside = scope.isOutside();
    switch (ending) {
      case COMMITTED -> committed(scope);
      case ROLLED_BACK -> {
        scope.ended(Stage.CALLING);
        if (outside) {
          abort(scope);
        }
      }
      case UNKNOWN -> {
        boolean written = !scope.ledger().branches().isEmpty();
        scope.ended(written ? Stage.UNKNOWN : Stage.CALLING);
        if (outside) {
          parts.runtime().threads().newThread(() -> resolve(scope)).start();
        }
      }
    }
  }

  /** The work has returned. */
  private void complete(StarterScope scope) {
    switch (scope.stage()) {
      case COMMITTED -> {}
      case CALLING -> {
        UnitOfWork outside = scope.outside();
        Optional<String> obstacle = scope.ledger().obstacle();
        if (obstacle.isPresent()) {
          throw refused(scope, obstacle.get(), "Repeat it as a new one");
        } else if (outside != null) {
          decideWith(scope, outside);
        } else if (scope.ledger().branches().isEmpty()) {
          scope.fix();
          committed(scope);
        } else {
          parts.transactions().run(unit -> {}); // it is given the decision as it begins
        }
      }
      case TRYING, UNKNOWN, ABORTED -> {
        if (resolve(scope) != Stage.COMMITTED) {
          throw refused(scope, "an earlier commit of it failed", "Repeat it as a new one");
        }
      }
    }
  }

  /** The work, or the commit, has failed: finds out how it stands. */
  private void failed(StarterScope scope, Exception failure) {
    rollBackOutside(scope);
    Stage stage = scope.stage();
    boolean open = stage == Stage.UNKNOWN || stage == Stage.TRYING;
    switch (open ? resolve(scope) : stage) {
      case COMMITTED -> throw ended(scope, Told.COMMITTED, failure);
      case UNKNOWN -> {
        parts.metrics().ended(Told.UNKNOWN);
        throw ended(scope, Told.UNKNOWN, failure);
      }
      case ABORTED -> {
        if (failure instanceof UnknownCommitOutcomeException) {
          throw ended(scope, Told.ABORTED, failure);
        }
      }
      case CALLING, TRYING -> abort(scope);
    }
  }

  /** Its own rows were written in a unit that goes on, and may not be committed without it. */
  private static void rollBackOutside(StarterScope scope) {
    UnitOfWork outside = scope.outside();
    if (outside != null && scope.stage() != Stage.COMMITTED) {
      outside.setRollbackOnly();
    }
  }

  private static GlobalTransactionException ended(
      StarterScope scope, Told told, Exception failure) {
    String how =
        switch (told) {
          case COMMITTED -> "is committed, and what came after its commit failed";
          case ABORTED -> "is aborted";
          case UNKNOWN ->
              "is committed or aborted: the answer to its commit was lost, and the database cannot"
                  + " be reached. Look it up later; it ends by itself";
        };
    return new GlobalTransactionException(
        "The distributed transaction " + scope.xid() + " " + how + ": " + failure.getMessage(),
        told,
        failure);
  }

  /** Learns how a transaction stands whose commit was not answered; makes sure that it stands. */
  private Stage resolve(StarterScope scope) {
    for (int look = 1; true; look++) {
      try {
        Optional<Decision> standing = store.abort(scope.signed(), List.of(), null);
        if (standing.isEmpty()) {
          return Stage.UNKNOWN; // it is lost or forgotten, and nothing may follow from that
        }
        switch (standing.get().outcome()) {
          case COMMITTED -> committed(scope);
          case ABORTED -> abort(scope);
        }
        return scope.stage();
      } catch (SQLException e) {
        if (look == LOOKS_MAX || !paused(look)) {
          log.atWarn()
              .addKeyValue("xid", scope.xid())
              .addKeyValue("reason", e.getMessage())
              .log("the outcome of a distributed transaction could not be looked up");
          return Stage.UNKNOWN;
        }
      }
    }
  }

  private boolean paused(int failures) {
    try {
      return loops.pause(parts.config().endBackoff().after(failures, parts.runtime().random()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void committed(StarterScope scope) {
    Ledger ledger = scope.ledger();
    scope.ended(Stage.COMMITTED);
    parts.metrics().ended(Told.COMMITTED);
    phaseTwo.committed(scope.signed(), ledger.branches());
    phaseTwo.undo(scope.signed(), ledger.dropped(), ledger.untold());
  }

  /**
   * Nobody else can commit it, so nothing is written; those who ask are told after its deadline.
   */
  private void abort(StarterScope scope) {
    Ledger ledger = scope.ledger();
    scope.ended(Stage.ABORTED);
    parts.metrics().ended(Told.ABORTED);
    List<Branch> all = new ArrayList<>(ledger.branches());
    all.addAll(ledger.dropped());
    phaseTwo.undo(scope.signed(), all, ledger.untold());
  }
}
