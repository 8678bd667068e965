package dev.tenon.global;

import static dev.tenon.global.SagaShop.DAY;
import static dev.tenon.global.StartingService.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SagaIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

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

  private Optional<String> result(StartingService order, SagaType<?, String> type)
      throws InterruptedException {
    return order.global.sagas().result(type, "1", Duration.ZERO);
  }

  private Sagas.Status status(StartingService order, SagaType<?, ?> type) {
    return order.global.sagas().find(type, "1").orElseThrow();
  }

  @Test
  void commitsWhatItsStepsDid() throws Exception {
    var type =
        saga(
            (scope, input) ->
                scope.call("take", () -> shop.take(input))
                    + ", "
                    + scope.call("take", () -> shop.take("nuts")));
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "bolts");
    shop.settle();

    assertThat(result(order, type)).contains("taken 1, taken 1");
    assertThat(shop.stock.moved()).containsExactly("take bolts 1", "take nuts 1");
    assertThat(shop.stock.sent()).containsExactly("\"take\"", "\"take\"");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED", "take#2 COMMITTED");
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void undoesItsStepsBackwardsWhenOneRefuses() {
    var type =
        saga(
            (scope, input) -> {
              scope.call("first", () -> shop.take("bolts"));
              scope.call("second", () -> shop.take("nuts"));
              return scope.call("third", () -> shop.take(""));
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();

    assertThat(shop.undone).containsExactly("putBack nuts", "putBack bolts");
    assertThat(shop.stock.sent()).containsExactly("\"putBack\"", "\"putBack\"");
    assertThatThrownBy(() -> result(order, type))
        .isInstanceOf(GlobalTransactionException.class)
        .hasMessageContaining("was aborted: no such product")
        .extracting(e -> ((GlobalTransactionException) e).told())
        .isEqualTo(Told.ABORTED);
    assertThat(order.acknowledged()).containsExactly("ABORTED");
  }

  @Test
  void startsWithTheCommitOfTheCallersRowsAndOnlyOnce() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    var type = saga((scope, input) -> input + runs.incrementAndGet());
    StartingService order = shop.order(type);

    assertThatThrownBy(
            () ->
                order.transactions.run(
                    unit -> {
                      order.global.sagas().start(type, "1", "rolled back");
                      throw new IOException("no");
                    }))
        .isInstanceOf(IOException.class);
    shop.settle();
    assertThat(order.global.sagas().find(type, "1")).isEmpty();

    order.transactions.run(
        unit -> {
          write(unit, "INSERT INTO noted VALUES ('placed')");
          order.global.sagas().start(type, "1", "run ");
        });
    order.global.sagas().start(type, "1", "another ");
    shop.settle();

    assertThat(result(order, type)).contains("run 1");
    assertThat(order.column("SELECT n.xmin <> s.xmin FROM noted n, tenon.saga s"))
        .containsExactly("t");
  }

  @Test
  void sleepsWithoutAThreadAndGoesOnWithWhatItDid() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    var type =
        saga(
            (scope, input) -> {
              runs.incrementAndGet();
              String taken = scope.call("take", () -> shop.take("bolts"));
              scope.sleep("cool-off", Duration.ofHours(2));
              return taken;
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    assertThat(status(order, type).state()).isEqualTo(Sagas.State.RUNNING);
    assertThat(status(order, type).steps()).containsExactly("take", "cool-off");
    shop.pass(Duration.ofHours(1));
    shop.settle();
    assertThat(runs).hasValue(1);

    shop.pass(Duration.ofHours(1));
    shop.settle();

    assertThat(result(order, type)).contains("taken 1");
    assertThat(runs).hasValue(2);
    assertThat(shop.stock.moved()).containsExactly("take bolts 1");
  }

  @Test
  void goesOnWhenASignalComesOrItsTimeIsUp() throws Exception {
    var type =
        saga(
            (scope, input) ->
                scope.await("paid", String.class, Duration.ofHours(1)).orElse("unpaid")
                    + ", "
                    + scope.await("sent", String.class, Duration.ofHours(1)).orElse("not sent"));
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    assertThat(status(order, type).awaits()).contains("paid");
    order.global.sagas().signal(type, "1", "paid", "in cash");
    order.global.sagas().signal(type, "1", "paid", "twice");
    shop.settle();
    assertThat(status(order, type).awaits()).contains("sent");
    shop.pass(Duration.ofHours(1));
    shop.settle();

    assertThat(result(order, type)).contains("in cash, not sent");
    assertThatThrownBy(() -> order.global.sagas().signal(type, "1", "paid", "late"))
        .isInstanceOf(GlobalTransactionException.class)
        .hasMessageContaining("none is under way");
  }

  @Test
  void keepsASignalThatComesBeforeItIsAwaited() throws Exception {
    var type =
        saga(
            (scope, input) -> {
              scope.sleep("nap", Duration.ofMinutes(1));
              return scope.await("paid", String.class, Duration.ofHours(1)).orElse("unpaid");
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    order.global.sagas().signal(type, "1", "paid", "early");
    shop.settle();
    shop.pass(Duration.ofMinutes(1));
    shop.settle();

    assertThat(result(order, type)).contains("early");
  }

  @Test
  void undoesWhatItHasWrittenItself() {
    AtomicInteger written = new AtomicInteger();
    var type =
        saga(
            (scope, input) -> {
              StartingService order = shop.orders.getFirst();
              scope.local(
                  "note",
                  String.class,
                  unit -> {
                    written.incrementAndGet();
                    write(unit, "INSERT INTO noted VALUES ('do')");
                    order.global.participant().open(shop.note, "do");
                    return "noted";
                  });
              scope.sleep("nap", Duration.ofMinutes(1));
              throw new IOException("no");
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    shop.pass(Duration.ofMinutes(1));
    shop.settle();

    assertThat(written).hasValue(1);
    assertThat(order.column("SELECT what FROM noted")).containsExactly("do", "undo do");
    assertThat(status(order, type).state()).isEqualTo(Sagas.State.ABORTED);
  }

  @Test
  void repeatsACallWhoseAnswerWasLostAndMeetsTheSameBranch() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    var type =
        saga(
            (scope, input) ->
                scope.call(
                    "take",
                    () ->
                        calls.incrementAndGet() == 1
                            ? shop.loseAnswer("bolts")
                            : shop.take("bolts")));
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();

    assertThat(result(order, type)).contains("taken 1");
    assertThat(shop.stock.moved()).containsExactly("take bolts 1");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
  }

  @Test
  void repeatsACallWhoseAnswerWasLostEvenIfItsStepFailsInBetween() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    Callable<String> take =
        () ->
            switch (calls.incrementAndGet()) {
              case 1 -> shop.loseAnswer("bolts");
              case 2 -> throw new IOException("no route, and nothing was sent");
              default -> shop.take("bolts");
            };
    var type = saga((scope, input) -> scope.call("take", take));
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();

    assertThat(result(order, type)).contains("taken 1");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
  }

  @Test
  void repeatsACallThatFailsWithoutAReplyThatLasts() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    var type =
        saga(
            (scope, input) ->
                scope.call(
                    "take",
                    () -> calls.incrementAndGet() <= 2 ? shop.failToTake() : shop.take("bolts")));
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();

    assertThat(result(order, type)).contains("taken 1");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
  }

  @Test
  void doesSomethingOutsideAgainOnlyIfItsResultWasNotStored() throws Exception {
    AtomicInteger mails = new AtomicInteger();
    var type =
        saga(
            (scope, input) -> {
              int mail = scope.external("mail", Integer.class, mails::incrementAndGet);
              scope.sleep("nap", Duration.ofMinutes(1));
              return "mail " + mail + " at " + scope.startedAt() + " as " + scope.id("mail");
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    shop.pass(Duration.ofMinutes(1));
    shop.settle();

    Sagas.Status status = status(order, type);
    assertThat(result(order, type).orElseThrow()).startsWith("mail 1 at " + status.startedAt());
    assertThat(mails).hasValue(1);
  }

  @Test
  void goesOnlyForwardOnceItIsCommitted() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    var type =
        saga(
            (scope, input) -> {
              scope.call("take", () -> shop.take("bolts"));
              scope.commit(
                  "placed",
                  Boolean.class,
                  unit -> {
                    write(unit, "INSERT INTO noted VALUES ('placed')");
                    return true;
                  });
              if (tries.incrementAndGet() == 1) {
                throw new IOException("the mail server is away");
              }
              return scope.local("last", String.class, unit -> "done");
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    assertThat(status(order, type).state()).isEqualTo(Sagas.State.FORWARD);
    assertThat(status(order, type).error()).contains("the mail server is away");
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
    shop.pass(Duration.ofMinutes(2));
    shop.settle();

    assertThat(result(order, type)).contains("done");
    assertThat(order.column("SELECT what FROM noted")).containsExactly("placed");
    assertThat(shop.stock.moved()).containsExactly("take bolts 1");
  }

  @Test
  void abortsAtItsDeadline() {
    var type =
        new SagaType<>(
            "place",
            String.class,
            String.class,
            Duration.ofHours(1),
            (SagaScope scope, String input) -> {
              String taken = scope.call("take", () -> shop.take("bolts"));
              scope.sleep("too-long", Duration.ofHours(2));
              return taken;
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    shop.pass(Duration.ofHours(2));
    shop.settle();

    assertThat(status(order, type).state()).isEqualTo(Sagas.State.ABORTED);
    assertThat(status(order, type).error()).contains("it was not decided before its deadline");
    assertThat(order.decisions()).containsExactly("ABORTED");
  }

  @Test
  void parksWithBothPathsWhenNewCodeTakesAnother() {
    var before =
        saga(
            (scope, input) -> {
              scope.call("take", () -> shop.take("bolts"));
              scope.sleep("nap", Duration.ofMinutes(1));
              return "done";
            });
    shop.order(before).global.sagas().start(before, "1", "");
    shop.settle();
    shop.orders.removeFirst().close();
    var after =
        saga(
            (scope, input) -> {
              scope.call("reserve", () -> shop.take("bolts"));
              return "done";
            });
    StartingService order = shop.order(after);
    shop.pass(Duration.ofMinutes(1));
    shop.settle();

    Sagas.Status status = status(order, after);
    assertThat(status.state()).isEqualTo(Sagas.State.PARKED);
    assertThat(status.error().orElseThrow()).contains("Recorded: [take, nap]. Now: [reserve]");
  }

  @Test
  void isTakenOverByAnotherInstanceWhichMakesTheFirstRunGiveUp() throws Exception {
    CountDownLatch paused = new CountDownLatch(1);
    CountDownLatch resume = new CountDownLatch(1);
    AtomicInteger runs = new AtomicInteger();
    var type =
        saga(
            (scope, input) -> {
              int run = runs.incrementAndGet();
              String taken = scope.call("take", () -> shop.take("bolts"));
              if (run == 1) {
                paused.countDown();
                resume.await();
              }
              scope.local(
                  "note",
                  String.class,
                  unit -> {
                    write(unit, "INSERT INTO noted VALUES ('run " + run + "')");
                    return "noted";
                  });
              return taken + " in run " + run;
            });
    StartingService first = shop.order(type);
    StartingService second = shop.order(type);

    first.global.sagas().start(type, "1", "");
    Thread running = Thread.ofPlatform().start(() -> first.global.runPending());
    paused.await();
    shop.orders.remove(first);
    first.execute("DELETE FROM tenon.global_instance"); // its lease has lapsed
    shop.settle();
    resume.countDown();
    running.join();

    assertThat(result(second, type)).contains("taken 1 in run 2");
    assertThat(second.column("SELECT what FROM noted")).containsExactly("run 2");
    assertThat(shop.stock.moved()).containsExactly("take bolts 1");
    assertThat(shop.stock.states()).containsExactly("take COMMITTED");
    first.close();
  }

  @Test
  void takesUpItsOwnSagaOfWhichItDoesNotKnow() throws Exception {
    var type = saga((scope, input) -> scope.call("take", () -> shop.take("bolts")));
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    order.execute(
        "UPDATE tenon.saga SET state = 'RUNNING', result = NULL, ended_at = NULL,"
            + " owner = (SELECT id FROM tenon.global_instance)");
    order.execute("DELETE FROM tenon.global_decision");
    shop.settle();

    assertThat(result(order, type)).contains("taken 1");
    assertThat(shop.stock.moved()).containsExactly("take bolts 1");
  }

  @Test
  void abortsWhenItsDeadlinePassesBetweenTwoSteps() {
    var type =
        new SagaType<>(
            "place",
            String.class,
            String.class,
            Duration.ofHours(1),
            (SagaScope scope, String input) -> {
              scope.call("take", () -> shop.take("bolts"));
              shop.pass(Duration.ofHours(2));
              return scope.local("late", String.class, unit -> "done");
            });
    StartingService order = shop.order(type);

    order.global.sagas().start(type, "1", "");
    shop.settle();
    shop.pass(Duration.ofMinutes(2));
    shop.settle();

    assertThat(status(order, type).state()).isEqualTo(Sagas.State.ABORTED);
    assertThat(order.decisions()).containsExactly("ABORTED");
  }

  @Test
  void refusesSagasThatAreNotDeclared() {
    var declared = saga((scope, input) -> input);
    var other = new SagaType<>("other", String.class, String.class, DAY, (scope, input) -> "");
    StartingService order = shop.order(declared);

    assertThatThrownBy(() -> order.global.sagas().start(other, "1", ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("type: other (expected: one that was declared: [place])");
    assertThatThrownBy(() -> order.global.sagas().start(declared, "", ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("id: 0 characters (expected: 1..200)");
    assertThat(List.of(order.global.sagas().find(declared, "1"))).containsExactly(Optional.empty());
  }
}
