package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Difference;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The services of the demo, each with a PostgreSQL of its own and {@code order} with two instances,
 * under load, while faults are done to them; and the audit after all is mended. {@link #close} may
 * be called from another thread at any time and leaves no process behind.
 */
final class Torture implements AutoCloseable {
  /** How long all that is under way may take to its end when everything is mended. */
  static final Duration SETTLE_MAX = Duration.ofMinutes(6);

  private static final int POLL_MILLIS = 250;

  private final DemoHome home;
  private final TorturePlan plan;
  private final Progress progress;
  private final Demo demo;
  private volatile @Nullable TortureNetwork network;
  private volatile @Nullable TortureFaults faults;
  private volatile @Nullable TortureLoad load;

  Torture(DemoHome home, TorturePlan plan, Progress progress) {
    this.home = home;
    this.plan = plan;
    this.progress = progress;
    this.demo = new Demo(home, OrderSource.GENERATED, progress);
  }

  /** Does all of it. */
  TortureReport run() throws InterruptedException {
    progress.event("Torture: " + plan.text());
    TortureNetwork opened = TortureNetwork.open(home);
    network = opened;
    DemoServices services = demo.start(opened.layout());
    Takeovers takeovers = new Takeovers(demo.logins());
    TortureFaults doing = new TortureFaults(services, demo.postgres(), opened, takeovers, progress);
    faults = doing;
    TortureLoad sending = new TortureLoad(services.api());
    load = sending;
    sending.start();
    torment(doing, sending);
    progress.event("All faults are done; waiting until everything is mended.");
    doing.awaitMended();
    List<Difference> open = settle(sending);
    return report(doing, sending, takeovers, open);
  }

  /** Whether it is closed, or being closed: failures are of no interest then. */
  boolean ended() {
    return demo.ended();
  }

  private void torment(TortureFaults doing, TortureLoad sending) throws InterruptedException {
    TortureSchedule schedule = new TortureSchedule(plan.seed());
    long begun = System.nanoTime();
    while (!plan.done(Duration.ofNanos(System.nanoTime() - begun), doing.kills())) {
      TortureSchedule.Entry entry = schedule.next();
      Thread.sleep(entry.gap());
      doing.begin(entry.fault());
      doing.check();
      sending.check();
      progress.state(
          "Orders: %d sent, %d answered; %d kills"
              .formatted(sending.sent(), sending.answered(), doing.kills()));
    }
  }

  /** Waits until all is answered, done and told; what is still open at the limit is returned. */
  private List<Difference> settle(TortureLoad sending) throws InterruptedException {
    sending.finish();
    long until = System.nanoTime() + SETTLE_MAX.toNanos();
    while (!sending.idle() && System.nanoTime() < until) {
      progress.state("Orders: %d sent, %d answered".formatted(sending.sent(), sending.answered()));
      Thread.sleep(POLL_MILLIS);
    }
    List<Difference> open = new ArrayList<>();
    if (!sending.idle()) {
      open.add(
          new Difference(
              Optional.empty(),
              "requests without an answer",
              "none",
              Integer.toString(sending.sent() - sending.answered())));
    }
    List<OpenWork> left = settled(sending.book(), until);
    left.stream().filter(work -> !work.inAudit()).map(OpenWork::difference).forEach(open::add);
    return open;
  }

  /**
   * Waits until nothing is under way and all effects are there; for those not longer than messages
   * can take that nobody has set aside.
   */
  private List<OpenWork> settled(OrderBook input, long until) throws InterruptedException {
    long lastOpen = System.nanoTime();
    while (true) {
      List<OpenWork> left = look();
      long now = System.nanoTime();
      if (left.isEmpty()) {
        long outstanding = DemoRun.outstanding(input, FoundBooks.read(demo.logins()));
        if (outstanding == 0 || now - lastOpen > DemoRun.STANDSTILL_MAX.toNanos()) {
          return left;
        }
        progress.state("Waiting: " + outstanding + " effects are outstanding");
      } else {
        lastOpen = now;
        progress.state("Waiting: " + left.getFirst().text());
      }
      if (now > until) {
        return left;
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private List<OpenWork> look() {
    try {
      return OpenWork.find(demo.logins());
    } catch (SQLException e) {
      throw new CliException(
          "Could not look for open work: " + e.getMessage() + ". Read " + home.logs() + ".", e);
    }
  }

  private TortureReport report(
      TortureFaults doing, TortureLoad sending, Takeovers takeovers, List<Difference> open) {
    progress.state("Auditing");
    Books found = FoundBooks.read(demo.logins());
    AuditReport audit = Demo.audit(sending.book(), found);
    List<Difference> differences = new ArrayList<>(open);
    differences.addAll(sending.broken(found));
    differences.addAll(audit.differences());
    return new TortureReport(
        plan,
        doing.kills(),
        doing.done(),
        sending.outcomes(found),
        takeovers.all(),
        takeovers.brokenOff(),
        differences,
        home.logs().toString());
  }

  @Override
  public void close() {
    TortureLoad sending = load;
    TortureFaults doing = faults;
    TortureNetwork opened = network;
    if (sending != null) {
      sending.stop();
    }
    if (doing != null) {
      doing.close();
    }
    demo.close();
    if (opened != null) {
      opened.close();
    }
  }
}
