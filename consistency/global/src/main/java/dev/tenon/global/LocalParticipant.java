package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.global.BranchRefusedException.Reason;
import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import dev.tenon.transaction.spi.BatchRecorder;
import dev.tenon.transaction.spi.StatementBatch;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The participant's side of distributed transactions, in the service's own database. It answers as
 * soon as it is made; what nobody asks for is done in the background once it is started.
 */
final class LocalParticipant implements Participant, AutoCloseable {
  private static final String OPERATION = "tenon-xid";

  private final ParticipantParts parts;
  private final BranchTypes types;
  private final BranchStore store;
  private final BranchEnder ender;
  private final BranchKeeper keeper;
  private final BranchMetrics metrics;
  private final OutsideTries outside;
  private final XaBranches xa;
  private final AutomaticBranches automatic;
  private final LockWaits waits;
  private final BatchRecorder<Record> recorder = new BatchRecorder<>(this::collect);
  private final ThreadLocal<@Nullable Failed> failed = new ThreadLocal<>();

  /** What is written just before the commit of a call's effects. */
  private sealed interface Record {
    /** Its branch. */
    record Opened(BranchRow row) implements Record {}

    /** A check that the branch that its reply names is among what is written. */
    record Named(BranchRow.Key key, boolean branch) implements Record {}

    /** A look whether its rows have opened an automatic branch. */
    record Watched(Serving serving, UnitOfWork unit, Branch branch) implements Record {}
  }

  /** What the current thread's last failure has to say. */
  private record Failed(Throwable failure, Optional<String> listing) {}

  LocalParticipant(ParticipantParts parts) {
    this.parts = parts;
    this.types = new BranchTypes(parts.types());
    this.store = new BranchStore(parts.tables());
    this.metrics = new BranchMetrics(parts.meters());
    this.automatic = new AutomaticBranches(parts.tables(), parts.config().imagesMax());
    this.ender = new BranchEnder(parts, types, store, automatic, metrics);
    this.xa = ender.xa();
    this.keeper = new BranchKeeper(parts, store, ender, automatic, metrics);
    this.outside = new OutsideTries(parts, types, store, ender, this);
    this.waits = new LockWaits(parts.config().lockWait(), keeper::help);
    automatic.onRelease(waits::released);
    parts.transactions().onBegin(this::unitBegun);
  }

  /** Begins to ask starters, to try again what failed, and to forget what is over. */
  void start() {
    xa.requireEnabled();
    AutomaticTables.of(parts.transactions().database().tenonSchema())
        .renew(parts.transactions().database().dataSource());
    automatic.refresh(parts.transactions());
    keeper.start();
  }

  /**
   * Does, on the calling thread, what is due: for tests. Must not be mixed with {@link #start()}.
   *
   * @return whether any branch was ended or parked
   */
  boolean runPending() {
    boolean any = keeper.runPending();
    keeper.upkeep();
    return any;
  }

  /** Lets what is in progress end. Safe to repeat. */
  @Override
  public void close() {
    keeper.close();
    xa.close();
  }

  /** Carries out a starter's orders: see {@link dev.tenon.global.spi.GlobalEndpoint}. */
  List<OrderResult> finish(String caller, List<BranchOrder> orders) {
    return ender.finish(caller, orders);
  }

  @Override
  public <X extends Exception> Receipt handle(
      BranchCall call, Fingerprint fingerprint, IdempotentReceiver.Work<X> work) throws X {
    SignedXid xid = verified(call);
    LockWaits.Waits waiting = waits.begin(xid.xid());
    while (true) {
      Serving serving = new Serving(call, xid);
      try {
        return handle(serving, fingerprint, work);
      } catch (Throwable failure) {
        // What it has called in turn would be called again under other steps.
        boolean alone = serving.dropped().equals(Listing.NONE);
        if (!alone || !work.repeatable() || !waiting.again(failure)) {
          failed.set(new Failed(failure, listing(serving, failure)));
          throw failure;
        }
      }
    }
  }

  @Override
  public <T, X extends Exception> Receipt handleOutside(
      BranchCall call, Fingerprint fingerprint, OutsideBranch<T> branch, OutsideTry<X> work)
      throws X {
    Serving serving = new Serving(call, verified(call));
    try {
      return outside.handle(serving, fingerprint, branch, work);
    } catch (Throwable failure) {
      failed.set(new Failed(failure, listing(serving, failure)));
      throw failure;
    }
  }

  private <X extends Exception> Receipt handle(
      Serving serving, Fingerprint fingerprint, IdempotentReceiver.Work<X> work) throws X {
    try {
      return receive(serving, fingerprint, new Handling<>(serving, work));
    } catch (Exception e) {
      if (AutomaticBranches.is(e, AutomaticBranches.REFUSED)) {
        automatic.refresh(parts.transactions());
      }
      if (!BranchReplies.causedBy(e, BranchStore.TakenException.class)
          && !AutomaticBranches.is(e, AutomaticBranches.TAKEN)) {
        throw e;
      }
      // Its twin has stored a reply, or it was undone meanwhile: look again, now it can be seen.
      return again(serving, fingerprint);
    }
  }

  /** A call's work, and its reply, which can name its branch only when all is written. */
  private final class Handling<X extends Exception> implements IdempotentReceiver.Work<X> {
    private final Serving serving;
    private final IdempotentReceiver.Work<X> work;
    private @Nullable Asked asked;

    Handling(Serving serving, IdempotentReceiver.Work<X> work) {
      this.serving = serving;
      this.work = work;
    }

    @Override
    public void ask(UnitOfWork unit, StatementBatch batch) throws SQLException {
      asked = LocalParticipant.this.ask(serving, unit, batch);
    }

    @Override
    public StoredReply run(UnitOfWork unit) throws X {
      begin(serving, unit, requireNonNull(asked));
      return LocalParticipant.this.run(serving, unit, work);
    }

    @Override
    public StoredReply complete(StoredReply reply) {
      return BranchReplies.named(reply, serving.listing());
    }
  }

  /** Gives the stored reply, if there is one. */
  Receipt again(Serving serving, Fingerprint fingerprint) {
    return this.<RuntimeException>receive(
        serving,
        fingerprint,
        unit -> {
          throw BranchReplies.refused(serving.key(), Reason.OVER);
        });
  }

  /** Runs work under the call's key. */
  <X extends Exception> Receipt receive(
      Serving serving, Fingerprint fingerprint, IdempotentReceiver.Work<X> work) throws X {
    Instant keepUntil = serving.key().xid().deadline().plus(parts.config().keep());
    return parts
        .messaging()
        .receiver()
        .handle(replyKey(serving.key(), serving.call().caller()), fingerprint, keepUntil, work);
  }

  /** The name under which the reply to a call is stored. */
  static IdempotencyKey replyKey(BranchRow.Key key, String caller) {
    return new IdempotencyKey(
        caller, OPERATION, key.xid().id() + "/" + key.step(), Optional.empty());
  }

  private <X extends Exception> StoredReply run(
      Serving serving, UnitOfWork unit, IdempotentReceiver.Work<X> work) throws X {
    serving.begun(unit);
    try (Scope.Entered entered = serving.enter()) {
      StoredReply reply = work.run(unit);
      unit.record(recorder, new Record.Named(serving.key(), serving.own().isPresent()));
      return reply;
    } catch (RefusalException refusal) {
      RefusalException named =
          new RefusalException(
              String.valueOf(refusal.getMessage()),
              BranchReplies.named(refusal.reply(), serving.dropped()));
      named.initCause(refusal);
      throw named;
    }
  }

  /**
   * Asks what a call meets in a unit of work in which it may open its branch, or the first row
   * does.
   */
  private Asked ask(Serving serving, UnitOfWork unit, StatementBatch batch) throws SQLException {
    Branch branch =
        new Branch(
            parts.service(), parts.runtime().ids().next(), BranchKind.AT, serving.call().step());
    BranchRow.Work work =
        new BranchRow.Work(
            BranchKind.AT,
            "automatic",
            "null",
            serving.call().caller(),
            serving.call().operation());
    BranchRow row = row(serving, branch, work, BranchRow.Stored.OPEN, Optional.empty());
    boolean unused = automatic.present(unit.connection());
    return new Asked(branch, look(serving.key(), batch, automatic.told(row)));
  }

  private BranchLook look(BranchRow.Key key, StatementBatch batch, String told) {
    BranchLook look = new BranchLook(key);
    if (xa.declared()) {
      look.askPrepared(batch, xa.beginning(key));
    }
    look.askRow(batch, parts.tables(), store, told);
    return look;
  }

  /** What was asked when a unit of work began; answered when the statements have run. */
  private record Asked(Branch branch, BranchLook look) {}

  private void begin(Serving serving, UnitOfWork unit, Asked asked) {
    requireOpenable(serving.key(), asked.look().state());
    if (automatic.present()) {
      unit.record(recorder, new Record.Watched(serving, unit, asked.branch()));
      parts.messaging().heldMessages().hold(unit, serving::automatic);
    }
  }

  /** A unit of work that a call under a transaction begins by itself. */
  private void unitBegun(UnitOfWork unit) {
    Optional<Serving> serving = Serving.current();
    try {
      if (serving.isEmpty() || !automatic.present(unit.connection())) {
        return;
      }
      if (serving.get().isReading()) {
        StatementBatch batch = new StatementBatch(unit.connection());
        Asked asked = ask(serving.get(), unit, batch);
        batch.run();
        begin(serving.get(), unit, asked);
      } else {
        automatic.elsewhere(unit.connection());
      }
    } catch (SQLException e) {
      throw new TransactionException(
          "Could not begin a unit of work under a distributed transaction: "
              + e.getMessage()
              + ". Repeat the call.",
          e);
    }
  }

  /** Refuses a call that the rules do not let open a branch. */
  void requireOpenable(BranchRow.Key key, Connection connection) {
    StatementBatch batch = new StatementBatch(connection);
    BranchLook look = look(key, batch, "");
    try {
      batch.run();
    } catch (SQLException e) {
      throw new TransactionException(
          "Could not look at the branch "
              + key.step()
              + " of "
              + key.xid()
              + ": "
              + e.getMessage()
              + ". Repeat the call.",
          e);
    }
    requireOpenable(key, look.state());
  }

  private void requireOpenable(BranchRow.Key key, BranchState state) {
    switch (Protocol.onTry(state, key.xid(), parts.now())) {
      case OPEN -> {}
      case STILL_RUNNING -> throw BranchReplies.refused(key, Reason.STILL_RUNNING);
      case OVER -> throw BranchReplies.refused(key, Reason.OVER);
      case TOO_LATE -> throw BranchReplies.refused(key, Reason.TOO_LATE);
    }
  }

  private SignedXid verified(BranchCall call) {
    try {
      return SignedXid.verify(call.xid(), parts.signer());
    } catch (IllegalArgumentException e) {
      BranchRefusedException refused = BranchReplies.notGenuine(call, e);
      failed.set(new Failed(refused, Optional.of(Listing.NONE.text())));
      throw refused;
    }
  }

  @Override
  public Optional<String> failedListing(Throwable failure) {
    Failed last = failed.get();
    failed.remove();
    for (Throwable e = failure; last != null && e != null; e = e.getCause()) {
      if (last.failure().equals(e)) {
        return last.listing();
      }
    }
    return Optional.empty();
  }

  private static Optional<String> listing(Serving serving, Throwable failure) {
    boolean unknown =
        BranchReplies.causedBy(failure, UnknownCommitOutcomeException.class)
            || (failure instanceof BranchRefusedException refused
                && refused.reason() == Reason.STILL_RUNNING);
    return unknown ? Optional.empty() : Optional.of(serving.dropped().text());
  }

  @Override
  public Reading enter(BranchCall call) {
    Serving serving = Serving.reading(call, verified(call));
    Scope.Entered entered = serving.enter();
    return new Reading() {
      @Override
      public String listing(boolean refused) {
        return (refused ? serving.dropped() : serving.listing()).text();
      }

      @Override
      public void close() {
        entered.close();
      }
    };
  }

  @Override
  public boolean mayOpen() {
    return Serving.current().flatMap(Serving::unit).isPresent();
  }

  @Override
  public Connection connection(String database) {
    return XaEnlistment.current(database).connection(database);
  }

  @Override
  public <T> void open(BranchType<T> type, T argument) {
    Serving serving =
        Serving.current()
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        "Could not open a branch of type "
                            + type.name()
                            + ": this thread handles no call under a distributed transaction. Open"
                            + " it on the thread that handles one."));
    UnitOfWork unit =
        serving
            .unit()
            .filter(own -> parts.transactions().current().filter(own::equals).isPresent())
            .orElseThrow(
                () -> notOpened(serving, "the call's own transaction is not the open one"));
    if (serving.own().isPresent()) {
      throw notOpened(serving, "one is open already under this call");
    }
    BranchRow.Work work = types.work(type, argument, serving.call());
    Branch branch = branch(serving, type);
    serving.opened(branch);
    try {
      automatic.plain(unit.connection());
    } catch (SQLException e) {
      throw new TransactionException("Could not open a branch: " + e.getMessage() + ".", e);
    }
    BranchRow row = row(serving, branch, work, BranchRow.Stored.OPEN, Optional.empty());
    if (type.kind() == BranchKind.XA) {
      xa.prepare(unit, serving, branch);
      row = XaBranches.whenCommitted(row);
    } else {
      parts.messaging().heldMessages().hold(unit, branch.id());
    }
    unit.record(recorder, new Record.Opened(row));
    unit.afterCommit(metrics::opened);
  }

  /** A new branch of a call. */
  Branch branch(Serving serving, BranchType<?> type) {
    UUID id = type.kind() == BranchKind.XA ? xa.newId(serving.key()) : parts.runtime().ids().next();
    return new Branch(parts.service(), id, type.kind(), serving.call().step());
  }

  /** What is stored of a new branch. */
  BranchRow row(
      Serving serving,
      Branch branch,
      BranchRow.Work work,
      BranchRow.Stored stored,
      Optional<Instant> tryUntil) {
    Instant now = parts.now();
    return new BranchRow(
        serving.key(),
        Optional.of(branch.id()),
        serving.signed().header(),
        stored,
        Optional.empty(),
        Optional.of(work),
        new BranchRow.Times(now, tryUntil, Optional.of(now.plus(parts.config().askAfter()))),
        BranchRow.Counts.NONE,
        Optional.empty());
  }

  private static GlobalTransactionException notOpened(Serving serving, String why) {
    return new GlobalTransactionException(
        "Could not open a branch for the call "
            + serving.call().step()
            + " of "
            + serving.key().xid()
            + ": "
            + why
            + ". Open one branch, in the transaction that the call is handled in.",
        Told.UNKNOWN,
        null);
  }

  private void collect(StatementBatch batch, List<Record> records) throws SQLException {
    boolean opened = false;
    for (Record record : records) {
      switch (record) {
        case Record.Watched watched -> {
          batch.run();
          watch(batch.connection(), watched);
        }
        case Record.Opened branch -> {
          store.open(batch, branch.row());
          opened = true;
        }
        case Record.Named named -> {
          if (named.branch() && !opened) {
            throw new SQLException(
                "the branch of the call "
                    + named.key().step()
                    + " was opened in a savepoint that was rolled back");
          }
        }
      }
    }
  }

  private void watch(Connection connection, Record.Watched watched) throws SQLException {
    Optional<UUID> opened = automatic.opened(connection);
    if (opened.isEmpty()) {
      return;
    }
    Serving serving = watched.serving();
    if (serving.own().isPresent() || !watched.branch().id().equals(opened.get())) {
      throw new SQLException(
          "rows were written before the branch of the call "
              + serving.key().step()
              + " was opened, and they belong to another one");
    }
    serving.opened(watched.branch());
    watched.unit().afterCommit(metrics::opened);
  }
}
