package dev.tenon.global;

import static dev.tenon.global.StartingService.TIMEOUT;
import static dev.tenon.global.StartingService.branch;
import static dev.tenon.global.StartingService.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.OpenTransaction.DecisionState;
import dev.tenon.global.OpenTransaction.SagaState;
import dev.tenon.global.OpenTransactions.Filter;
import dev.tenon.global.OpenTransactions.Page;
import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What operators see and do at the starter; of branches: {@link BranchRecoveryIT}. */
class OpenTransactionsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Operator ANNA = new Operator("anna", "stock is gone for good");
  private static final Page ALL = Page.first(Filter.ALL, 10);

  private static OpenTransaction only(StartingService order) {
    List<OpenTransaction> open = order.global.openTransactions().list(ALL);
    assertThat(open).hasSize(1);
    return open.getFirst();
  }

  private static List<String> actions(StartingService order) {
    return order.column(
        "SELECT who || ': ' || why || ': ' || action || ': ' || found"
            + " FROM tenon.operator_action ORDER BY id");
  }

  @Nested
  class OfADecision {
    private final FakeParticipants participants = new FakeParticipants();
    private StartingService order;

    @BeforeEach
    void open() {
      order = new StartingService(postgres.freshDatabase("order"), participants);
    }

    @AfterEach
    void close() {
      order.close();
    }

    private Xid committed() {
      return order.global.call(
          TIMEOUT,
          transaction -> {
            branch("stock");
            branch("wallet");
            return transaction.xid();
          });
    }

    @Test
    void showsWhichParticipantsItWaitsForUntilAllHaveAcknowledged() {
      participants.down.add("stock");
      Xid xid = committed();
      order.settle();

      OpenTransaction open = only(order);
      OpenTransaction.DecisionPart decision = open.decision().orElseThrow();
      assertThat(open.xid()).isEqualTo(xid);
      assertThat(open.service()).isEqualTo("order");
      assertThat(open.ended()).isFalse();
      assertThat(open.parked()).isFalse();
      assertThat(decision.outcome()).isEqualTo(Outcome.COMMITTED);
      assertThat(decision.state()).isEqualTo(DecisionState.TELLING);
      assertThat(decision.waitsFor()).isEqualTo("service stock, wallet");
      assertThat(decision.branches()).extracting(Branch::step).containsExactly("1", "2");
      assertThat(decision.telling().ownerAlive()).isTrue();
      assertThat(decision.telling().nextAt()).isPresent();
      participants.down.clear();
      order.global.openTransactions().retry(Part.started(xid), ANNA);
      order.settle();

      assertThat(order.global.openTransactions().list(ALL)).isEmpty();
      OpenTransaction ended = order.global.openTransactions().find(xid).orElseThrow();
      assertThat(ended.ended()).isTrue();
      assertThat(ended.decision().orElseThrow().waitsFor()).isEqualTo("nobody");
      assertThat(ended.actions()).singleElement().satisfies(this::isAnnasRetry);
    }

    private void isAnnasRetry(OpenTransaction.Action action) {
      assertThat(action.operator()).isEqualTo(ANNA);
      assertThat(action.action()).isEqualTo("retry");
      assertThat(action.step()).isEmpty();
      assertThat(action.found()).startsWith("its decision is COMMITTED, told ");
    }

    @Test
    void saysWhatNeedsAPersonAndSkipsAParticipantThatWillNotComeBack() {
      participants.answer =
          (service, told) -> service.equals("stock") ? OrderResult.LOST : OrderResult.DONE;
      Xid xid = committed();
      order.settle();

      OpenTransaction open = only(order);
      assertThat(open.parked()).isTrue();
      assertThat(open.decision().orElseThrow().waitsFor()).isEqualTo("a person");
      assertThat(open.decision().orElseThrow().telling().problem()).contains("stock/1 LOST");
      assertThat(order.global.openTransactions().list(Page.first(Filter.PARKED, 10))).hasSize(1);
      assertThat(order.global.openTransactions().list(Page.first(Filter.IN_DOUBT, 10))).isEmpty();
      order.global.openTransactions().skip(Part.started(xid), ANNA);

      assertThat(order.global.openTransactions().list(ALL)).isEmpty();
      assertThat(order.acknowledged()).containsExactly("COMMITTED");
      assertThat(actions(order))
          .containsExactly(
              "anna: stock is gone for good: skip: its decision is COMMITTED, told 1 times,"
                  + " stock/1 LOST");
      assertThatThrownBy(() -> order.global.openTransactions().skip(Part.started(xid), ANNA))
          .isInstanceOf(OperationRefusedException.class)
          .hasMessageContaining("acknowledged");
    }

    @Test
    void neverReplacesADecision() {
      participants.down.add("stock");
      Xid xid = committed();

      for (Outcome outcome : Outcome.values()) {
        assertThatThrownBy(
                () -> order.global.openTransactions().force(Part.started(xid), outcome, ANNA))
            .isInstanceOf(OperationRefusedException.class)
            .hasMessageContaining("its decision is COMMITTED")
            .hasMessageContaining("Force the branch at its participant");
      }

      assertThat(order.decisions()).containsExactly("COMMITTED");
      assertThat(actions(order)).isEmpty();
    }

    @Test
    void forgetsTheRecordWithASkipThatWasRolledBack() {
      participants.down.add("stock");
      Xid xid = committed();

      assertThatThrownBy(
              () ->
                  order.transactions.run(
                      unit -> {
                        order.global.openTransactions().skip(Part.started(xid), ANNA);
                        throw new IllegalStateException("the power is gone");
                      }))
          .hasMessage("the power is gone");

      assertThat(order.acknowledged()).isEmpty();
      assertThat(actions(order)).isEmpty();
    }
  }

  @Nested
  class OfASaga {
    private final AtomicBoolean broken = new AtomicBoolean(true);
    private SagaShop shop;

    @BeforeEach
    void open() {
      shop = new SagaShop(postgres.freshDatabase("order"), postgres.freshDatabase("stock"));
    }

    @AfterEach
    void close() {
      shop.close();
    }

    private static SagaType<String, String> type(Duration timeout, Saga<String, String> code) {
      return new SagaType<>("place", String.class, String.class, timeout, code);
    }

    private StartingService started(SagaType<String, String> type) {
      StartingService order = shop.order(type);
      order.global.sagas().start(type, "1", "");
      shop.settle();
      return order;
    }

    private SagaType<String, String> sleeper() {
      return type(
          SagaShop.DAY,
          (scope, input) -> {
            String taken = scope.call("take", () -> shop.take("bolts"));
            scope.sleep("nap", Duration.ofHours(1));
            return taken;
          });
    }

    /** Fails after its pivot as long as it is broken. */
    private SagaType<String, String> failing() {
      return type(
          SagaShop.DAY,
          (scope, input) -> {
            scope.call("take", () -> shop.take("bolts"));
            scope.commit("placed", Boolean.class, unit -> true);
            if (broken.get()) {
              throw new IOException("the mail server is away");
            }
            return "done";
          });
    }

    private void park(StartingService order) {
      for (int attempt = 0; attempt < 12; attempt++) {
        shop.pass(Duration.ofMinutes(2));
        shop.settle();
      }
      assertThat(saga(order).state()).isEqualTo(SagaState.PARKED);
    }

    private static OpenTransaction.SagaPart saga(StartingService order) {
      return only(order).saga().orElseThrow();
    }

    @Test
    void findsNothingUnderAnXidThatOnlyLooksAlike() {
      StartingService order = started(sleeper());
      Xid xid = only(order).xid();
      Xid other =
          new Xid(
              xid.starter(),
              xid.incarnation(),
              xid.startedAt(),
              xid.deadline().plusMillis(1),
              xid.id());

      assertThatThrownBy(
              () ->
                  order.global.openTransactions().force(Part.started(other), Outcome.ABORTED, ANNA))
          .isInstanceOf(OperationRefusedException.class)
          .hasMessageContaining("this service has started no such transaction");
    }

    @Test
    void abortsOneThatSleepsAndCompensatesIt() throws Exception {
      SagaType<String, String> type = sleeper();
      StartingService order = started(type);
      OpenTransaction open = only(order);
      assertThat(saga(order).state()).isEqualTo(SagaState.SLEEPING);
      assertThat(saga(order).waitsFor()).startsWith("the time ");
      assertThat(saga(order).steps()).containsExactly("take", "nap");
      assertThat(saga(order).run().committed()).isFalse();
      Part part = Part.started(open.xid());
      OpenTransactions operations = order.global.openTransactions();
      assertThatThrownBy(() -> operations.retry(part, ANNA))
          .hasMessageContaining("nothing of it has failed");
      assertThatThrownBy(() -> operations.skip(part, ANNA))
          .hasMessageContaining("or force it to abort");
      assertThatThrownBy(() -> operations.force(part, Outcome.COMMITTED, ANNA))
          .hasMessageContaining("only its own code can commit it");

      operations.force(part, Outcome.ABORTED, ANNA);

      assertThat(order.decisions()).containsExactly("ABORTED");
      assertThat(order.global.sagas().ending(type, "1", Duration.ZERO))
          .isInstanceOfSatisfying(
              Sagas.Ending.Aborted.class,
              aborted ->
                  assertThat(aborted.failure())
                      .hasMessageContaining("aborted by anna: stock is gone for good"));
      assertThat(actions(order))
          .containsExactly(
              "anna: stock is gone for good: force ABORTED: the saga place/1 is RUNNING");
      assertThat(operations.list(ALL)).isEmpty();
      shop.pass(Duration.ofHours(2));
      shop.settle();
      assertThat(order.decisions()).containsExactly("ABORTED");
    }

    @Test
    void undoesTheServicesOwnStepsAtOnceAfterAnAbort() {
      SagaType<String, String> type =
          type(
              SagaShop.DAY,
              (scope, input) -> {
                scope.local(
                    "begin",
                    String.class,
                    unit -> {
                      write(unit, "INSERT INTO noted VALUES ('begun')");
                      shop.orders.getFirst().global.participant().open(shop.note, "begin");
                      return "begun";
                    });
                scope.sleep("nap", Duration.ofHours(1));
                return "done";
              });
      StartingService order = started(type);
      assertThat(only(order).branches())
          .singleElement()
          .satisfies(one -> assertThat(one.state()).isEqualTo(OpenTransaction.State.OPEN));

      order.global.openTransactions().force(Part.started(only(order).xid()), Outcome.ABORTED, ANNA);
      shop.settle();

      assertThat(order.column("SELECT what FROM noted")).containsExactly("begun", "undo begin");
      assertThat(order.global.openTransactions().list(ALL)).isEmpty();
    }

    @Test
    void letsNoRunUnderWayCommitAfterAnAbort() {
      SagaType<String, String> type =
          type(
              SagaShop.DAY,
              (scope, input) -> {
                StartingService order = shop.orders.getFirst();
                OpenTransaction open = only(order);
                assertThat(open.saga().orElseThrow().state()).isEqualTo(SagaState.RUNNING);
                Thread anna =
                    Thread.ofVirtual()
                        .start(
                            () ->
                                order
                                    .global
                                    .openTransactions()
                                    .force(Part.started(open.xid()), Outcome.ABORTED, ANNA));
                anna.join();
                return scope.local(
                    "last",
                    String.class,
                    unit -> {
                      write(unit, "INSERT INTO noted VALUES ('late')");
                      return "done";
                    });
              });

      StartingService order = started(type);

      assertThat(order.decisions()).containsExactly("ABORTED");
      assertThat(order.column("SELECT what FROM noted")).isEmpty();
      assertThat(order.global.openTransactions().list(ALL)).isEmpty();
    }

    @Test
    void runsAParkedOneForwardAgainAndNeverAbortsItPastItsPivot() throws Exception {
      SagaType<String, String> type = failing();
      StartingService order = started(type);
      assertThat(saga(order).state()).isEqualTo(SagaState.FAILING);
      assertThat(saga(order).waitsFor()).isEqualTo("its next attempt");
      park(order);
      assertThat(saga(order).run().committed()).isTrue();
      Part part = Part.started(only(order).xid());
      OpenTransactions operations = order.global.openTransactions();
      assertThatThrownBy(() -> operations.force(part, Outcome.ABORTED, ANNA))
          .hasMessageContaining("past its pivot");
      broken.set(false);

      operations.retry(part, ANNA);
      shop.settle();

      assertThat(order.global.sagas().result(type, "1", Duration.ZERO)).contains("done");
      assertThat(order.decisions()).containsExactly("COMMITTED");
      assertThat(operations.list(ALL)).isEmpty();
      assertThat(actions(order))
          .singleElement()
          .asString()
          .endsWith("retry: the saga place/1 is PARKED, committed");
    }

    @Test
    void showsWhichSignalIsAwaitedAndWhoRunsWhat() {
      SagaType<String, String> type =
          type(
              SagaShop.DAY,
              (scope, input) ->
                  scope.await("paid", String.class, Duration.ofHours(1)).orElse("never"));

      StartingService order = started(type);

      assertThat(saga(order).state()).isEqualTo(SagaState.AWAITING);
      assertThat(saga(order).waitsFor()).isEqualTo("the signal paid");
      assertThat(saga(order).run().wakeAt()).isPresent();
      order.execute("UPDATE tenon.saga SET owner = gen_random_uuid()");
      assertThat(saga(order).state()).isEqualTo(SagaState.RUNNING);
      assertThat(saga(order).waitsFor()).isEqualTo("an instance that runs it");
    }

    @Test
    void tellsOneThatEndedWithNothingFromOneThatHasNotEnded() throws Exception {
      SagaType<String, String> type =
          type(
              SagaShop.DAY,
              (scope, input) -> {
                scope.sleep("nap", Duration.ofHours(1));
                return null;
              });
      StartingService order = started(type);
      Sagas sagas = order.global.sagas();

      assertThat(sagas.ending(type, "1", Duration.ZERO))
          .isEqualTo(new Sagas.Ending.UnderWay<String>());
      shop.pass(Duration.ofHours(2));
      shop.settle();

      assertThat(sagas.ending(type, "1", Duration.ZERO))
          .isEqualTo(new Sagas.Ending.Done<String>(Optional.empty()));
    }
  }
}
