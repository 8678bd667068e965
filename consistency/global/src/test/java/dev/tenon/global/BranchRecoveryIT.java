package dev.tenon.global;

import static dev.tenon.global.StockService.listing;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.OpenTransaction.BranchPart;
import dev.tenon.global.OpenTransaction.State;
import dev.tenon.global.OpenTransactions.Filter;
import dev.tenon.global.OpenTransactions.Page;
import dev.tenon.global.OpenTransactions.Part;
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
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
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
  private final List<OperationRefusedException.Reason> busy = new CopyOnWriteArrayList<>();

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

  private static Part first(SignedXid xid) {
    return Part.branch(xid.xid(), "1");
  }

  private void restart() {
    stock.close();
    stock = instance();
  }

  private Branch take(SignedXid xid, String step) {
    return listing(stock.take(xid, step, LAMPS)).kept().getFirst();
  }

  private BranchPart only() {
    List<BranchPart> open =
        all().stream()
            .flatMap(one -> one.branches().stream().filter(part -> isOpen(one.xid(), part)))
            .toList();
    assertThat(open).hasSize(1);
    return open.getFirst();
  }

  private static boolean isOpen(Xid xid, BranchPart branch) {
    return !branch.waitsFor(xid).equals("nobody");
  }

  private List<OpenTransaction> all() {
    return stock.open.list(Page.first(Filter.ALL, 10));
  }

  private String waitsFor() {
    return only().waitsFor(all().getFirst().xid());
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
    assertThat(waitsFor()).isEqualTo("service order");
    starter.answers.put(branch.id(), BranchAnswer.ABORT);
    clock.pass(Duration.ofSeconds(60));
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.moved()).containsExactly("take lamp 2", "putBack lamp 2");
    assertThat(stock.sent()).containsExactly("\"putBack\"");
    assertThat(all()).isEmpty();
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
    assertThat(all()).isEmpty();
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
    assertThat(waitsFor()).isEqualTo("a person");
    assertThatThrownBy(() -> stock.open.skip(first(xid), ANNA))
        .isInstanceOf(OperationRefusedException.class)
        .hasMessageContaining("Force it");
    stock.open.retry(first(xid), ANNA);
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

    stock.open.retry(first(xid), ANNA);
    assertThat(stock.participant.runPending()).isTrue();

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

    stock.open.skip(first(xid), ANNA);

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

    stock.open.force(first(xid), Outcome.ABORTED, ANNA);
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.moved()).containsExactly("take lamp 2", "putBack lamp 2");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.CONFLICT);
    assertThat(actions()).containsExactly("anna: the warehouse is gone: force ABORTED 1: OPEN");
    assertThatThrownBy(() -> stock.open.force(first(xid), Outcome.COMMITTED, ANNA))
        .isInstanceOf(OperationRefusedException.class)
        .hasMessageContaining("it has ended: ABORTED");
  }

  @Test
  void keepsTryingWhatAPersonHasForced() {
    SignedXid xid = clock.xid();
    stock.reserve(xid, "1", LAMPS);
    breakEnds();

    stock.open.force(first(xid), Outcome.COMMITTED, ANNA);
    assertThat(stock.participant.runPending()).as("it fails").isFalse();
    restart();
    clock.pass(Duration.ofSeconds(10));
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.moved()).containsExactly("try lamp 2", "confirm lamp 2");
  }

  @Test
  void refusesWhatMakesNoSenseAndRecordsNothing() {
    SignedXid xid = clock.xid();
    Branch branch = take(xid, "1");

    assertThatThrownBy(() -> stock.open.skip(first(xid), ANNA))
        .hasMessageContaining("it is OPEN, not parked");
    assertThatThrownBy(() -> stock.open.retry(Part.branch(xid.xid(), "2"), ANNA))
        .hasMessageContaining("no such branch");
    assertThatThrownBy(() -> stock.open.retry(Part.started(xid.xid()), ANNA))
        .hasMessageContaining("Look at its starter, order");
    assertThatThrownBy(() -> Page.first(Filter.ALL, 0)).hasMessageContaining("1..1000");
    assertThatThrownBy(() -> new Operator(" ", "why")).hasMessageContaining("who");
    assertThatThrownBy(() -> new Operator("anna", "")).hasMessageContaining("why");
    stock.finish(xid, branch, Outcome.COMMITTED);
    assertThatThrownBy(() -> stock.open.retry(first(xid), ANNA))
        .hasMessageContaining("it has ended: COMMITTED");
    assertThat(actions()).isEmpty();
  }

  @Test
  void refusesWhileABranchIsBeingWorkedOn() {
    SignedXid xid = clock.xid();
    take(xid, "1");

    stock.transactions.run(
        unit -> {
          StartingService.write(unit, "SELECT 1 FROM tenon.branch FOR UPDATE");
          Thread other =
              Thread.ofVirtual()
                  .start(
                      () ->
                          assertThatThrownBy(() -> stock.open.retry(first(xid), ANNA))
                              .isInstanceOfSatisfying(
                                  OperationRefusedException.class, e -> busy.add(e.reason())));
          join(other);
        });

    assertThat(busy).containsExactly(OperationRefusedException.Reason.BUSY);
    assertThat(actions()).isEmpty();
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void asksNowWhenAPersonSaysSo() {
    SignedXid xid = clock.xid();
    take(xid, "1");

    stock.open.retry(first(xid), ANNA);
    stock.participant.runPending();

    assertThat(starter.asked).containsExactly(1);
    assertThat(actions()).containsExactly("anna: the warehouse is gone: retry 1: OPEN");
  }

  @Test
  void forgetsTheRecordWithTheChangeThatWasRolledBack() {
    SignedXid xid = clock.xid();
    take(xid, "1");

    assertThatThrownBy(
            () ->
                stock.transactions.run(
                    unit -> {
                      stock.open.force(first(xid), Outcome.ABORTED, ANNA);
                      throw new IllegalStateException("the power is gone");
                    }))
        .hasMessage("the power is gone");

    assertThat(only().state()).isEqualTo(State.OPEN);
    assertThat(actions()).isEmpty();
  }

  @Test
  void listsByPageAndByWhatIsInDoubtOrParked() {
    parked(clock.xid());
    clock.pass(Duration.ofSeconds(1));
    SignedXid open = clock.xid();
    take(open, "1");
    take(open, "2");
    clock.pass(Duration.ofSeconds(1));
    SignedXid last = clock.xid();
    take(last, "1");

    Xid first = all().getFirst().xid();
    assertThat(all()).hasSize(3).allMatch(one -> !one.ended());
    assertThat(all().get(1).branches()).hasSize(2);
    assertThat(xids(new Page(Filter.ALL, 1, first))).containsExactly(open.xid());
    assertThat(xids(new Page(Filter.ALL, 5, open.xid()))).containsExactly(last.xid());
    assertThat(xids(Page.first(Filter.PARKED, 5))).containsExactly(first);
    assertThat(xids(Page.first(Filter.IN_DOUBT, 5))).containsExactly(open.xid(), last.xid());
    assertThat(stock.open.resolve(open.xid().id())).contains(open.xid());
    assertThat(stock.open.resolve(UUID.randomUUID())).isEmpty();
  }

  private List<Xid> xids(Page page) {
    return stock.open.list(page).stream().map(OpenTransaction::xid).toList();
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
