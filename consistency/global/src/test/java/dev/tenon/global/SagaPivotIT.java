package dev.tenon.global;

import static dev.tenon.global.SagaShop.DAY;
import static dev.tenon.global.StartingService.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SagaPivotIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Operator ANNA = new Operator("anna", "the bank has closed");

  private final List<String> keys = new ArrayList<>();
  private final AtomicBoolean codeFails = new AtomicBoolean();
  private final AtomicReference<Pivot<String>> bank = new AtomicReference<>(key -> "charged");
  private SagaShop shop;

  @BeforeEach
  void open() {
    shop = new SagaShop(postgres.freshDatabase("order"), postgres.freshDatabase("stock"));
  }

  @AfterEach
  void close() {
    shop.close();
  }

  private static SagaType<String, String> saga(Saga<String, String> code) {
    return new SagaType<>("place", String.class, String.class, DAY, code);
  }

  /** Takes, charges, and notes it. */
  private final SagaType<String, String> type =
      saga(
          (scope, input) -> {
            scope.call("take", () -> shop.take("bolts"));
            if (codeFails.get()) {
              throw new IllegalStateException("a bug");
            }
            String charged = scope.pivot("charge", String.class, this::charge);
            return scope.local(
                "note",
                String.class,
                unit -> {
                  write(unit, "INSERT INTO noted VALUES ('" + charged + "')");
                  return charged;
                });
          });

  private String charge(String key) throws Exception {
    keys.add(key);
    return bank.get().call(key);
  }

  private StartingService started() {
    StartingService order = shop.order(type);
    order.global.sagas().start(type, "1", "");
    shop.settle();
    return order;
  }

  private void pass(Duration time) {
    shop.pass(time);
    shop.settle();
  }

  private Sagas.Status status(StartingService order) {
    return order.global.sagas().find(type, "1").orElseThrow();
  }

  private BranchAnswer ask(StartingService order) {
    Xid xid = status(order).xid();
    String branch = shop.stock.column("SELECT id::text FROM tenon.branch").getFirst();
    SignedXid signed = SignedXid.sign(xid, TestSigner.INSTANCE);
    return order
        .global
        .endpoint()
        .inquire(
            StockService.NAME,
            List.of(new BranchQuestion(signed.header(), java.util.UUID.fromString(branch))))
        .getFirst();
  }

  @Test
  void commitsWhenThePivotIsDone() throws Exception {
    StartingService order = started();

    assertThat(order.global.sagas().result(type, "1", Duration.ZERO)).contains("charged");
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
    assertThat(order.column("SELECT what FROM noted")).containsExactly("charged");
    assertThat(keys).hasSize(1);
  }

  @Test
  void undoesWhatItDidWhenThePivotIsRefused() {
    bank.set(
        key -> {
          throw new PivotRefusedException("no money");
        });

    StartingService order = started();

    assertThat(status(order).state()).isEqualTo(Sagas.State.ABORTED);
    assertThat(status(order).error()).contains("no money");
    assertThat(order.acknowledged()).containsExactly("ABORTED");
    assertThat(shop.undone).containsExactly("putBack bolts");
  }

  @Test
  void repeatsAPivotOfWhichNobodyKnowsUnderOneKeyUntilThereIsAnAnswer() throws Exception {
    bank.set(
        key -> {
          throw new IOException("connection reset");
        });
    StartingService order = started();
    for (int i = 0; i < 20; i++) {
      pass(Duration.ofMinutes(2));
    }
    assertThat(status(order).state()).isEqualTo(Sagas.State.RUNNING);
    assertThat(status(order).error().orElseThrow()).contains("not known: connection reset");
    assertThat(order.decisions()).containsExactly("PIVOT_SENT");

    bank.set(key -> "charged at last");
    pass(Duration.ofMinutes(2));

    assertThat(order.global.sagas().result(type, "1", Duration.ZERO)).contains("charged at last");
    assertThat(keys).hasSizeGreaterThan(20).containsOnly(keys.getFirst());
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
  }

  @Test
  void isNotAbortedAtItsDeadlineWhileNobodyKnows() throws Exception {
    bank.set(
        key -> {
          throw new IOException("connection reset");
        });
    StartingService order = started();
    pass(DAY.plusHours(1));
    assertThat(status(order).state()).isEqualTo(Sagas.State.RUNNING);

    bank.set(key -> "charged");
    pass(Duration.ofMinutes(2));

    assertThat(order.global.sagas().result(type, "1", Duration.ZERO)).contains("charged");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
  }

  @Test
  void isNotAbortedByCodeThatFailsWhileNobodyKnows() {
    AtomicInteger runs = new AtomicInteger();
    var failing =
        saga(
            (scope, input) -> {
              if (runs.incrementAndGet() > 1) {
                throw new IOException("no such order");
              }
              scope.call("take", () -> shop.take("bolts"));
              return scope.pivot("charge", String.class, this::charge);
            });
    bank.set(
        key -> {
          throw new IOException("connection reset");
        });
    StartingService order = shop.order(failing);
    order.global.sagas().start(failing, "1", "");
    shop.settle();
    for (int i = 0; i < 20; i++) {
      pass(Duration.ofMinutes(2));
    }

    Sagas.Status status = order.global.sagas().find(failing, "1").orElseThrow();
    assertThat(status.state()).isEqualTo(Sagas.State.PARKED);
    assertThat(status.error().orElseThrow()).contains("no such order");
    assertThat(order.decisions()).containsExactly("PIVOT_SENT");
    assertThat(ask(order)).isEqualTo(BranchAnswer.PENDING);
    assertThat(shop.stock.states()).containsExactly("take OPEN");
  }

  @Test
  void isParkedWhenItEndsBeforeItsRecordedPathIsReached() {
    AtomicInteger runs = new AtomicInteger();
    var shorter =
        saga(
            (scope, input) -> {
              scope.call("take", () -> shop.take("bolts"));
              if (runs.incrementAndGet() == 1) {
                scope.sleep("nap", Duration.ofMinutes(1));
              }
              return "done";
            });
    StartingService order = shop.order(shorter);
    order.global.sagas().start(shorter, "1", "");
    shop.settle();
    pass(Duration.ofMinutes(1));

    Sagas.Status status = order.global.sagas().find(shorter, "1").orElseThrow();
    assertThat(status.state()).isEqualTo(Sagas.State.PARKED);
    assertThat(status.error().orElseThrow())
        .contains("it has ended early", "Recorded: [take, nap]. Now: [take]");
  }

  @Test
  void isRunAgainWhenItFailsBeforeItsRecordedPathIsReached() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    var passing =
        saga(
            (scope, input) -> {
              if (runs.incrementAndGet() == 2) {
                throw new IOException("its own database was away");
              }
              String taken = scope.call("take", () -> shop.take("bolts"));
              scope.sleep("nap", Duration.ofMinutes(1));
              return taken;
            });
    StartingService order = shop.order(passing);
    order.global.sagas().start(passing, "1", "");
    shop.settle();
    pass(Duration.ofMinutes(1));
    pass(Duration.ofMinutes(2));

    assertThat(order.global.sagas().result(passing, "1", Duration.ZERO)).contains("taken 1");
    assertThat(shop.undone).isEmpty();
  }

  @Test
  void isNotSentIfTheSagaCannotBeCommitted() {
    var late =
        saga(
            (scope, input) -> {
              scope.call("take", () -> shop.take("bolts"));
              shop.orders
                  .getFirst()
                  .execute("UPDATE tenon.global_horizon SET forgotten_before = now() + '1 day'");
              return scope.pivot("charge", String.class, this::charge);
            });
    StartingService order = shop.order(late);
    order.global.sagas().start(late, "1", "");
    shop.settle();

    assertThat(keys).isEmpty();
    assertThatThrownBy(() -> order.global.sagas().result(late, "1", Duration.ZERO))
        .isInstanceOf(GlobalTransactionException.class);
  }

  private Sagas.Status parked(Saga<String, String> code) {
    var type = saga(code);
    StartingService order = shop.order(type);
    order.global.sagas().start(type, "1", "");
    shop.settle();
    return order.global.sagas().find(type, "1").orElseThrow();
  }

  @Test
  void opensNoBranchAfterThePivot() {
    Sagas.Status status =
        parked(
            (scope, input) -> {
              scope.commit("placed", String.class, unit -> "placed");
              return scope.call("take", () -> shop.take("bolts"));
            });

    assertThat(status.state()).isEqualTo(Sagas.State.PARKED);
    assertThat(status.error().orElseThrow()).contains("no branch opens after that");
    assertThat(shop.stock.states()).isEmpty();
  }

  @Test
  void waitsAfterThePivotBeyondItsDeadlineButNotBeyondItsResults() {
    Sagas.Status status =
        parked(
            (scope, input) -> {
              scope.commit("placed", String.class, unit -> "placed");
              scope.sleep("rest", Duration.ofDays(3));
              scope.sleep("longer", Duration.ofDays(6));
              return "done";
            });
    assertThat(status.state()).isEqualTo(Sagas.State.FORWARD);

    shop.pass(Duration.ofDays(3));
    shop.settle();

    StartingService order = shop.orders.getFirst();
    assertThat(order.column("SELECT state || ' ' || error FROM tenon.saga").getFirst())
        .startsWith("PARKED step longer waits until");
  }

  @Test
  void isNotRepeatedWhenTheDatabaseHasLostThatItWasSent() {
    bank.set(
        key -> {
          throw new IOException("connection reset");
        });
    StartingService order = started();
    int calls = keys.size();
    order.execute("DELETE FROM tenon.global_decision");

    pass(Duration.ofMinutes(2));

    assertThat(keys).hasSize(calls);
    assertThat(status(order).state()).isEqualTo(Sagas.State.PARKED);
    assertThat(status(order).error()).contains("the database has lost that its pivot was sent");
  }

  @Test
  void isNotAnsweredByAnotherPivot() {
    bank.set(
        key -> {
          throw new IOException("connection reset");
        });
    StartingService order = started();
    int calls = keys.size();
    order.execute("UPDATE tenon.saga SET pivot = 'transfer'");

    pass(Duration.ofMinutes(2));

    assertThat(keys).hasSize(calls);
    assertThat(status(order).state()).isEqualTo(Sagas.State.PARKED);
    assertThat(status(order).error())
        .contains("step charge is a pivot, and the pivot transfer is in doubt");
  }

  private static OpenTransaction only(StartingService order) {
    List<OpenTransaction> open =
        order
            .global
            .openTransactions()
            .list(new OpenTransactions.Page(OpenTransactions.Filter.IN_DOUBT, 10, null));
    assertThat(open).hasSize(1);
    return open.getFirst();
  }

  private void breakBank() {
    bank.set(
        key -> {
          throw new IOException("connection reset");
        });
  }

  @Test
  void isShownInDoubtAndRepeatedWhenAPersonSaysSo() {
    breakBank();
    StartingService order = started();
    OpenTransaction open = only(order);
    assertThat(open.decision()).isEmpty();
    OpenTransaction.SagaPart saga = open.saga().orElseThrow();
    assertThat(saga.state()).isEqualTo(OpenTransaction.SagaState.IN_DOUBT);
    assertThat(saga.waitsFor()).isEqualTo("an answer to its pivot");
    assertThat(order.global.counts().decisions().open()).isZero();

    bank.set(key -> "charged");
    order.global.openTransactions().retry(Part.started(open.xid()), ANNA);
    shop.settle();

    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void isTakenForNotDoneIfAPersonSaysSo() {
    breakBank();
    StartingService order = started();
    OpenTransactions operations = order.global.openTransactions();
    Part part = Part.started(only(order).xid());
    order.execute("UPDATE tenon.saga SET owner = gen_random_uuid()");
    assertThatThrownBy(() -> operations.force(part, Outcome.ABORTED, ANNA))
        .isInstanceOf(OperationRefusedException.class)
        .hasMessageContaining("its pivot is in doubt and just being repeated");
    assertThat(order.decisions()).containsExactly("PIVOT_SENT");
    order.execute("UPDATE tenon.saga SET owner = NULL");
    int calls = keys.size();

    operations.force(part, Outcome.ABORTED, ANNA);
    pass(Duration.ofMinutes(2));

    assertThat(keys).hasSize(calls);
    assertThat(order.acknowledged()).containsExactly("ABORTED");
    assertThat(shop.undone).containsExactly("putBack bolts");
    assertThat(status(order).state()).isEqualTo(Sagas.State.ABORTED);
  }

  @Test
  void isNoFailureOfTheSagasOwnCodeWhileThereIsNoAnswer() {
    breakBank();
    StartingService order = started();
    for (int i = 0; i < 20; i++) {
      pass(Duration.ofMinutes(2));
    }
    codeFails.set(true);
    pass(Duration.ofMinutes(2));
    assertThat(status(order).error()).hasValueSatisfying(why -> assertThat(why).contains("a bug"));
    assertThat(status(order).state()).isEqualTo(Sagas.State.RUNNING);

    codeFails.set(false);
    bank.set(key -> "charged");
    pass(Duration.ofMinutes(2));

    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }
}
