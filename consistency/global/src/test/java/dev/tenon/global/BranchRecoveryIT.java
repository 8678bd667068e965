package dev.tenon.global;

import static dev.tenon.global.StockService.listing;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.Branches.OpenBranch;
import dev.tenon.global.Branches.State;
import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.runtime.Backoff;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class BranchRecoveryIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);
  private static final Operator ANNA = new Operator("anna", "the warehouse is gone");
  private static final int ATTEMPTS_MAX = 3;
  private static final GlobalConfig CONFIG =
      new GlobalConfig(
          Duration.ofSeconds(30),
          Duration.ofSeconds(3),
          Duration.ofDays(7),
          Duration.ofSeconds(5),
          new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(10)),
          ATTEMPTS_MAX,
          2);

  private final Clock clock = new Clock();
  private final FakeStarter starter = new FakeStarter();
  private Database database;
  private StockService stock;

  @BeforeEach
  void start() {
    database = postgres.freshDatabase(StockService.NAME);
    stock = instance();
    stock.execute(StockService.TABLES);
  }

  private StockService instance() {
    return new StockService(database, clock, Optional.of(starter), CONFIG, config -> {});
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  private void restart() {
    stock.close();
    stock = instance();
  }

  private Branch take(SignedXid xid, String step) {
    return listing(stock.take(xid, step, LAMPS)).kept().getFirst();
  }

  private OpenBranch only() {
    List<OpenBranch> open = stock.participant.branches().list(10);
    assertThat(open).hasSize(1);
    return open.getFirst();
  }

  private void breakEnds() {
    stock.ending.set(
        (what, units) -> {
          throw new IllegalStateException("the shelf is on fire");
        });
  }

  /** Tries as often as may be, and parks. */
  private Branch parked(SignedXid xid) {
    Branch branch = take(xid, "1");
    breakEnds();
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.LATER);
    for (int attempt = 2; attempt <= ATTEMPTS_MAX; attempt++) {
      clock.pass(Duration.ofSeconds(10));
      stock.participant.runPending();
    }
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.PARKED);
    return branch;
  }

  @Test
  void asksAboutABranchThatIsOpenForLongAndUndoesItIfItIsNotListed() {
    Branch branch = take(clock.xid(), "1");
    restart();

    assertThat(stock.participant.runPending()).as("not yet").isFalse();
    clock.pass(Duration.ofSeconds(6));
    assertThat(stock.participant.runPending()).as("not decided").isFalse();
    assertThat(only().progress().asked()).isEqualTo(1);
    assertThat(only().waitsFor()).isEqualTo("service order");
    starter.answers.put(branch.id(), BranchAnswer.ABORT);
    clock.pass(Duration.ofSeconds(60));
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.moved()).containsExactly("take lamp 2", "putBack lamp 2");
    assertThat(stock.sent()).containsExactly("\"putBack\"");
    assertThat(stock.participant.branches().list(10)).isEmpty();
  }

  @Test
  void confirmsWhatTheStarterHasCommittedAndCouldNotTell() {
    Branch branch = take(clock.xid(), "1");
    starter.answers.put(branch.id(), BranchAnswer.COMMIT);

    clock.pass(Duration.ofSeconds(6));
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.states()).containsExactly("1 COMMITTED");
    assertThat(stock.sent()).containsExactly("\"take\"");
  }

  @Test
  void asksMoreAndMoreSeldomAndAgainOnceTheDeadlineIsOver() {
    take(clock.xid(), "1");

    int pending = 0;
    for (int second = 0; second < 28; second++) {
      clock.pass(Duration.ofSeconds(1));
      stock.participant.runPending();
      pending = starter.asked.size();
    }
    clock.pass(Duration.ofSeconds(8));
    stock.participant.runPending();

    assertThat(pending).isBetween(1, 4);
    assertThat(starter.asked).hasSizeGreaterThan(pending);
  }

  @Test
  void asksInBatchesAndGoesOnIfAStarterCannotBeReached() {
    for (int i = 0; i < 5; i++) {
      take(clock.xid(), "1");
    }
    clock.pass(Duration.ofSeconds(6));
    starter.reachable = false;
    assertThat(stock.participant.runPending()).isFalse();
    starter.reachable = true;
    starter.otherwise = BranchAnswer.ABORT;
    clock.pass(Duration.ofSeconds(60));

    assertThat(stock.participant.runPending()).isTrue();

    assertThat(starter.asked).containsExactly(2, 2, 1);
    assertThat(stock.participant.branches().list(10)).isEmpty();
  }

  @Test
  void parksABranchOfWhichNobodyCanSayHowItEnds() {
    SignedXid xid = clock.xid();
    Branch branch = take(xid, "1");
    starter.otherwise = BranchAnswer.UNKNOWN;
    clock.pass(Duration.ofSeconds(6));

    assertThat(stock.participant.runPending()).isTrue();

    assertThat(only().state()).isEqualTo(State.PARKED);
    assertThat(only().progress().error()).hasValueSatisfying(e -> assertThat(e).contains("order"));
    assertThat(only().waitsFor()).isEqualTo("a person");
    assertThatThrownBy(() -> stock.participant.branches().skip(xid.xid(), "1", ANNA))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("force it");
    assertThat(stock.participant.branches().retry(xid.xid(), "1", ANNA))
        .as("asked anew")
        .isEqualTo(OrderResult.LATER);
    assertThat(only().state()).isEqualTo(State.OPEN);
    starter.answers.put(branch.id(), BranchAnswer.ABORT);
    assertThat(stock.participant.runPending()).isTrue();
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }

  @Test
  void triesAFailedCompensationAgainAndParksItAfterTheLimitWhileOthersGoOn() {
    SignedXid xid = clock.xid();
    Branch branch = take(xid, "1");
    Branch healthy = listing(stock.take(xid, "2", new Units("chair", 1))).kept().getFirst();
    stock.ending.set(
        (what, units) -> {
          if (units.product().equals("lamp")) {
            throw new IllegalStateException("the shelf is on fire");
          }
        });

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.LATER);
    assertThat(stock.finish(xid, branch, Outcome.ABORTED))
        .as("not before it is due")
        .isEqualTo(OrderResult.LATER);
    assertThat(stock.finish(xid, healthy, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(only().state()).isEqualTo(State.ENDING);
    assertThat(only().progress().attempts()).isEqualTo(1);
    for (int attempt = 2; attempt <= ATTEMPTS_MAX; attempt++) {
      clock.pass(Duration.ofSeconds(10));
      restartKeepingEnds();
      stock.participant.runPending();
    }

    assertThat(only().state()).isEqualTo(State.PARKED);
    assertThat(only().progress().wanted()).contains(Outcome.ABORTED);
    assertThat(only().progress().attempts()).isEqualTo(ATTEMPTS_MAX);
    assertThat(only().progress().error())
        .contains("java.lang.IllegalStateException: the shelf is on fire");
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.PARKED);
    assertThat(stock.moved()).containsExactly("take lamp 2", "take chair 1", "putBack chair 1");
  }

  private void restartKeepingEnds() {
    StockService.Ending ending = stock.ending.get();
    restart();
    stock.ending.set(ending);
  }

  @Test
  void compensatesAParkedBranchWhenAPersonSaysSo() {
    SignedXid xid = clock.xid();
    Branch branch = parked(xid);
    restart();

    assertThat(stock.participant.branches().retry(xid.xid(), "1", ANNA))
        .isEqualTo(OrderResult.DONE);

    assertThat(stock.moved()).containsExactly("take lamp 2", "putBack lamp 2");
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(actions())
        .containsExactly(
            "anna: the warehouse is gone: retry 1: PARKED, to be ABORTED:"
                + " java.lang.IllegalStateException: the shelf is on fire");
  }

  private List<String> actions() {
    return stock.column(
        "SELECT who || ': ' || why || ': ' || action || ' ' || step || ': ' || found"
            + " FROM tenon.operator_action ORDER BY id");
  }

  @Test
  void endsAParkedBranchWithoutRunningAnythingWhenAPersonSaysSo() {
    SignedXid xid = clock.xid();
    Branch branch = parked(xid);

    stock.participant.branches().skip(xid.xid(), "1", ANNA);

    assertThat(stock.moved()).containsExactly("take lamp 2");
    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThat(stock.column("SELECT id::text FROM tenon.branch_message")).isEmpty();
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(actions()).singleElement().asString().contains("skip ABORTED 1");
  }

  @Test
  void forcesABranchAndReportsTheConflict() {
    SignedXid xid = clock.xid();
    Branch branch = take(xid, "1");

    assertThat(stock.participant.branches().force(xid.xid(), "1", Outcome.ABORTED, ANNA))
        .isEqualTo(OrderResult.DONE);

    assertThat(stock.moved()).containsExactly("take lamp 2", "putBack lamp 2");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.CONFLICT);
    assertThat(actions()).containsExactly("anna: the warehouse is gone: force ABORTED 1: OPEN");
    assertThatThrownBy(
            () -> stock.participant.branches().force(xid.xid(), "1", Outcome.COMMITTED, ANNA))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("one that has not ended");
  }

  @Test
  void keepsTryingWhatAPersonHasForced() {
    SignedXid xid = clock.xid();
    stock.reserve(xid, "1", LAMPS);
    breakEnds();

    assertThat(stock.participant.branches().force(xid.xid(), "1", Outcome.COMMITTED, ANNA))
        .isEqualTo(OrderResult.LATER);
    restart();
    clock.pass(Duration.ofSeconds(10));
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.moved()).containsExactly("try lamp 2", "confirm lamp 2");
  }

  @Test
  void refusesToChangeWhatIsNotThere() {
    SignedXid xid = clock.xid();
    take(xid, "1");
    Branches branches = stock.participant.branches();

    assertThatThrownBy(() -> branches.retry(xid.xid(), "1", ANNA)).hasMessageContaining("PARKED");
    assertThatThrownBy(() -> branches.skip(xid.xid(), "1", ANNA)).hasMessageContaining("PARKED");
    assertThatThrownBy(() -> branches.retry(xid.xid(), "2", ANNA))
        .hasMessageContaining("one that has not ended");
    assertThatThrownBy(() -> branches.list(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Operator(" ", "why")).hasMessageContaining("who");
    assertThat(branches.find(xid.xid(), "1")).isPresent();
    assertThat(branches.find(xid.xid(), "2")).isEmpty();
    assertThat(actions()).isEmpty();
  }

  @Test
  void forgetsWhatHasEndedLongAgo() {
    SignedXid xid = clock.xid();
    Branch branch = take(xid, "1");
    take(xid, "2");
    clock.pass(Duration.ofMinutes(1));
    stock.finish(xid, branch, Outcome.COMMITTED);
    clock.pass(Duration.ofDays(7));
    stock.participant.runPending();
    assertThat(stock.states()).containsExactly("1 COMMITTED", "2 OPEN");

    clock.pass(Duration.ofMinutes(1));
    stock.participant.runPending();

    assertThat(stock.states()).containsExactly("2 OPEN");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED))
        .as("it cannot be told from one that was lost")
        .isEqualTo(OrderResult.LOST);
    assertThat(stock.meters.get("tenon.global.branches.open").gauge().value()).isEqualTo(1);
  }

  @Test
  void looksAfterBranchesInTheBackground() {
    take(clock.xid(), "1");
    starter.otherwise = BranchAnswer.ABORT;
    stock.participant.start();

    clock.pass(Duration.ofSeconds(6));

    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(stock.states()).containsExactly("1 ABORTED"));
  }
}
