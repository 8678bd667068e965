package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalEndpoint;
import dev.tenon.global.spi.OrderResult;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Wires the parts together and runs their loops. */
final class DefaultGlobalTransactions implements GlobalTransactions {
  private static final Logger log = LoggerFactory.getLogger(DefaultGlobalTransactions.class);

  /** How long acknowledgements are gathered for one commit. */
  private static final Duration GATHER = Duration.ofMillis(20);

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
  private final ReentrantLock lifecycle = new ReentrantLock();
  private final List<Thread> loops = new ArrayList<>();
  private final CountDownLatch closing = new CountDownLatch(1);
  private volatile boolean closed;
  private boolean started;

  DefaultGlobalTransactions(
      GlobalParts parts, LocalParticipant participant, List<SagaType<?, ?>> sagaTypes) {
    this.parts = parts;
    this.participant = participant;
    DecisionStore store =
        new DecisionStore(
            parts.dataSource(), parts.tables(), parts.databaseClock(), parts.config().lease());
    instances = new Instances(parts, store);
    decisions = new OpenDecisions(parts, store);
    phaseTwo = new PhaseTwo(parts, decisions);
    starter = new Starter(parts, store, instances, phaseTwo);
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
                closing),
            sagaTypes);
    forgetting = new Forgetting(parts, store);
    forgetting.hold(sagaStore::oldestUndecided);
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
  public Branches branches() {
    return participant.branches();
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
      if (started || closed) {
        throw new IllegalStateException("distributed transactions were started or closed before");
      }
      started = true;
      participant.start();
      phaseTwo.start();
      sagas.start();
      loop("decisions", this::keep);
      loop("acknowledgements", this::acknowledge);
      loop("sagas", this::runSagas);
      loop("forgetting", this::forget);
    } finally {
      lifecycle.unlock();
    }
  }

  /** One pass of a loop, with the wait for the next. */
  @FunctionalInterface
  private interface Pass {
    void run() throws SQLException, InterruptedException;
  }

  private void loop(String name, Pass pass) {
    Thread thread = parts.runtime().threads().newThread(() -> repeat(name, pass));
    thread.setName("tenon-" + name + "-" + parts.service());
    loops.add(thread);
    thread.start();
  }

  private void repeat(String name, Pass pass) {
    int failures = 0;
    while (!closed) {
      try {
        pass.run();
        failures = 0;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (SQLException | RuntimeException | Error e) {
        // No loop may end by itself: branches would stay open with nobody to end them.
        failures++;
        failed(name, e, failures);
      }
    }
  }

  private void failed(String name, Throwable failure, int failures) {
    if (closed) {
      return;
    }
    if (failures == 1 || failures % 10 == 0) {
      log.atWarn()
          .addKeyValue("service", parts.service())
          .addKeyValue("loop", name)
          .addKeyValue("failures", failures)
          .addKeyValue("reason", failure.toString())
          .log("background work failed; it is tried again by itself");
      log.atDebug().setCause(failure).log("background work failed");
    }
    try {
      pause(parts.config().lease().dividedBy(4));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits; closing ends the wait. */
  private void pause(Duration time) throws InterruptedException {
    boolean unused = closing.await(time.toNanos(), TimeUnit.NANOSECONDS);
  }

  private void keep() throws SQLException, InterruptedException {
    boolean unused = takeUp();
    pause(parts.config().lease().dividedBy(4));
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
      pause(SAGA_POLL);
    }
  }

  private void carryOut(OpenDecisions.Open open) {
    phaseTwo.stored(open.header(), open.id(), open.decision());
  }

  private void acknowledge() throws SQLException, InterruptedException {
    if (phaseTwo.awaitEnded(parts.config().lease())) {
      pause(GATHER);
    }
    boolean unused = phaseTwo.write();
  }

  private void forget() throws SQLException, InterruptedException {
    int forgotten = forgetting.forget();
    if (forgotten > 0) {
      log.atDebug().addKeyValue("decisions", forgotten).log("decisions forgotten");
    }
    pause(FORGET_INTERVAL);
  }

  @Override
  public boolean runPending() {
    lifecycle.lock();
    try {
      if (started || closed) {
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
      if (closed) {
        return;
      }
      closed = true;
      participant.close();
      phaseTwo.close();
      closing.countDown();
      endLoops();
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

  /** Lets what is in progress end; an interrupt would break its connection. */
  private void endLoops() {
    try {
      long deadline = System.nanoTime() + LOOP_JOIN_MAX.toNanos();
      for (Thread loop : loops) {
        if (!loop.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())))) {
          log.atWarn().addKeyValue("loop", loop.getName()).log("a loop does not end");
          loop.interrupt();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
