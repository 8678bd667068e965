package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalEndpoint;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.runtime.BackgroundLoops;
import dev.tenon.runtime.Backoff;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Wires the parts together and runs their loops. */
final class DefaultGlobalTransactions implements GlobalTransactions {
  private static final Logger log = LoggerFactory.getLogger(DefaultGlobalTransactions.class);

  /** How long acknowledgements are gathered for one commit. */
  private static final Duration GATHER = Duration.ofMillis(100);

  /** How late a saga that sleeps may wake up. */
  private static final Duration SAGA_POLL = Duration.ofMillis(200);

  private static final Duration FORGET_INTERVAL = Duration.ofMinutes(1);
  private static final Duration LOOP_JOIN_MAX = Duration.ofSeconds(5);

  private final GlobalParts parts;
  private final LocalParticipant participant;
  private final Instances instances;
  private final OpenDecisions decisions;
  private final PhaseTwo phaseTwo;
  private final Starter starter;
  private final Inquiries inquiries;
  private final SagaEngine sagas;
  private final Forgetting forgetting;
  private final OpenTransactions openTransactions;
  private final ReentrantLock lifecycle = new ReentrantLock();
  private final BackgroundLoops loops;
  private boolean started;

  DefaultGlobalTransactions(
      GlobalParts parts, LocalParticipant participant, List<SagaType<?, ?>> sagaTypes) {
    this.parts = parts;
    this.participant = participant;
    Duration lease = parts.config().lease();
    loops =
        new BackgroundLoops(
            parts.runtime(), parts.service(), new Backoff(lease.dividedBy(8), lease.dividedBy(4)));
    DecisionStore store =
        new DecisionStore(
            parts.dataSource(), parts.tables(), parts.databaseClock(), parts.config().lease());
    instances = new Instances(parts, store);
    decisions = new OpenDecisions(parts, store);
    phaseTwo = new PhaseTwo(parts, decisions);
    starter = new Starter(parts, store, instances, phaseTwo, loops);
    inquiries = new Inquiries(parts, store);
    SagaStore sagaStore = new SagaStore(parts.tables());
    sagas =
        new SagaEngine(
            new SagaParts(
                parts.transactions(),
                parts.messaging().receiver(),
                participant,
                new SagaDecider(starter::next, store, instances, phaseTwo),
                sagaStore,
                parts.config(),
                parts.runtime(),
                loops),
            sagaTypes);
    openTransactions =
        new LocalOpenTransactions(
            parts.transactions(),
            parts.messaging(),
            parts.runtime().clock(),
            parts.databaseClock());
    forgetting = new Forgetting(parts, store);
  }

  @Override
  public <T, X extends Exception> T call(Duration timeout, Nesting nesting, Work<T, X> work)
      throws X {
    return starter.call(timeout, nesting, work);
  }

  @Override
  public <T, X extends Exception> T call(Work<T, X> work) throws X {
    return starter.call(parts.config().timeout(), Nesting.JOIN, work);
  }

  @Override
  public Optional<GlobalTransaction> current() {
    return Scope.current().map(Starter.Handle::new);
  }

  @Override
  public Sagas sagas() {
    return sagas;
  }

  @Override
  public Participant participant() {
    return participant;
  }

  @Override
  public OpenTransactions openTransactions() {
    return openTransactions;
  }

  @Override
  public OpenCounts counts() {
    try {
      return parts
          .transactions()
          .<OpenCounts, SQLException>read(
              unit ->
                  OpenCounter.count(
                      parts.tables(), parts.transactions().database(), unit.connection()));
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not count the open transactions: "
              + e.getMessage()
              + ". Look at the database, and try again.",
          GlobalTransactionException.Told.UNKNOWN,
          e);
    }
  }

  @Override
  public GlobalEndpoint endpoint() {
    return new GlobalEndpoint() {
      @Override
      public List<OrderResult> finish(String caller, List<BranchOrder> orders) {
        return participant.finish(caller, orders);
      }

      @Override
      public List<BranchAnswer> inquire(String caller, List<BranchQuestion> questions) {
        return inquiries.answer(questions);
      }
    };
  }

  @Override
  public void start() {
    lifecycle.lock();
    try {
      if (started || loops.stopped()) {
        throw new IllegalStateException("distributed transactions were started or closed before");
      }
      started = true;
      participant.start();
      phaseTwo.start();
      sagas.start();
      loops.start("decisions", this::keep);
      loops.start("acknowledgements", this::acknowledge);
      loops.start("sagas", this::runSagas);
      loops.start("forgetting", this::forget);
    } finally {
      lifecycle.unlock();
    }
  }

  /** Waits; closing ends the wait. */
  private void await(Duration time) throws InterruptedException {
    boolean unused = loops.pause(time);
  }

  private void keep() throws SQLException, InterruptedException {
    boolean unused = takeUp();
    await(parts.config().lease().dividedBy(4));
  }

  /** Renews the lease, and takes up what is due; says whether there was anything. */
  private boolean takeUp() throws SQLException {
    if (!instances.renew()) {
      phaseTwo.drop();
      log.atWarn()
          .addKeyValue("service", parts.service())
          .log("the lease of this instance had lapsed; it goes on as a new one");
    }
    UUID instance = instances.id();
    List<OpenDecisions.Open> lapsed = decisions.lapsed(instance);
    if (!lapsed.isEmpty()) {
      parts.metrics().takenOver(lapsed.size());
      log.atInfo()
          .addKeyValue("service", parts.service())
          .addKeyValue("decisions", lapsed.size())
          .log("decisions taken over from an instance whose lease has lapsed");
    }
    List<OpenDecisions.Open> due = decisions.due(instance);
    lapsed.forEach(this::carryOut);
    due.forEach(this::carryOut);
    return !lapsed.isEmpty() || !due.isEmpty();
  }

  private void runSagas() throws SQLException, InterruptedException {
    if (!sagas.takeDue()) {
      await(SAGA_POLL);
    }
  }

  private void carryOut(OpenDecisions.Open open) {
    phaseTwo.stored(open.header(), open.id(), open.decision());
  }

  private void acknowledge() throws SQLException, InterruptedException {
    if (phaseTwo.awaitEnded(parts.config().lease())) {
      await(GATHER);
    }
    boolean unused = phaseTwo.write();
  }

  private void forget() throws SQLException, InterruptedException {
    int forgotten = forgetting.forget();
    if (forgotten > 0) {
      log.atDebug().addKeyValue("decisions", forgotten).log("decisions forgotten");
    }
    await(FORGET_INTERVAL);
  }

  @Override
  public boolean runPending() {
    lifecycle.lock();
    try {
      if (started || loops.stopped()) {
        throw new IllegalStateException("distributed transactions run by themselves, or are over");
      }
      boolean any = takeUp();
      any |= sagas.runDue();
      any |= phaseTwo.drain();
      any |= phaseTwo.write();
      any |= participant.runPending();
      return any;
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not run what is pending [service=" + parts.service() + "]: " + e.getMessage(),
          Told.UNKNOWN,
          e);
    } finally {
      lifecycle.unlock();
    }
  }

  @Override
  public void close() {
    lifecycle.lock();
    try {
      if (loops.stopped()) {
        return;
      }
      loops.stop();
      participant.close();
      phaseTwo.close();
      if (!loops.awaitEnd(LOOP_JOIN_MAX)) {
        log.atDebug().log("acknowledgements are written while a loop still runs");
      }
      boolean unused = phaseTwo.write();
      instances.leave();
    } catch (SQLException e) {
      log.atWarn()
          .addKeyValue("service", parts.service())
          .addKeyValue("reason", e.getMessage())
          .log("the lease was not given up; it lapses by itself");
    } finally {
      lifecycle.unlock();
    }
  }
}
