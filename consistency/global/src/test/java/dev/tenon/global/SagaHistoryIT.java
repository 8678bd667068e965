package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SagaHistoryIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration HOUR = Duration.ofHours(1);

  private SagaShop shop;
  private CutLine.Cut cut = CutLine.Cut.NONE;

  @BeforeEach
  void open() {
    shop = new SagaShop(postgres.freshDatabase("order"), postgres.freshDatabase("stock"));
  }

  @AfterEach
  void close() {
    shop.close();
  }

  private static SagaType<String, String> type(Saga<String, String> code) {
    return new SagaType<>("place", String.class, String.class, SagaShop.DAY, code);
  }

  /** One of each kind of step, and the same step twice. */
  private static Saga<String, String> code(Saga<String, String> taking, String mailStep) {
    return (scope, input) -> {
      String taken = scope.call("take", () -> taking.run(scope, input));
      String noted = scope.local("note", String.class, unit -> "noted");
      String mailed = scope.external(mailStep, String.class, () -> "mailed");
      scope.external(mailStep, String.class, () -> "mailed again");
      scope.sleep("nap", HOUR);
      boolean paid = scope.await("paid", String.class, HOUR).isPresent();
      Integer end = scope.commit("end", Integer.class, unit -> 7);
      return taken + noted + mailed + paid + end;
    };
  }

  private static final Saga<String, String> STUB = (scope, input) -> "taken 1";

  /** A saga that was run to its end, or as far as its nap. */
  private SagaHistory recorded(boolean toTheEnd) throws Exception {
    SagaType<String, String> type = type(code((scope, input) -> shop.take("bolts"), "mail"));
    StartingService order = shop.order(type);
    order.global.sagas().start(type, "1", "an order");
    shop.settle();
    if (toTheEnd) {
      for (int i = 0; i < 3; i++) {
        shop.pass(HOUR.plusMinutes(1));
        shop.settle();
      }
      assertThat(order.global.sagas().result(type, "1", Duration.ZERO))
          .contains("taken 1notedmailedfalse7");
    }
    return order.global.sagas().history(type, "1");
  }

  @Test
  void keepsAStepWhoseCommitWasNotHeardOfAndAddsNoneThatFailed() throws Exception {
    StartingService[] order = new StartingService[1];
    SagaType<String, String> type =
        type(
            (scope, input) -> {
              scope.local("first", String.class, unit -> "1");
              return scope.local(
                  "second",
                  String.class,
                  unit -> {
                    order[0].line.next = cut;
                    return "2";
                  });
            });
    order[0] = shop.order(type);
    cut = CutLine.Cut.BEFORE_COMMIT;
    order[0].global.sagas().start(type, "1", "");
    shop.settle();
    assertThat(steps(order[0], type)).containsExactly("first");

    cut = CutLine.Cut.AFTER_COMMIT;
    shop.pass(HOUR);
    shop.settle();

    assertThat(steps(order[0], type)).containsExactly("first", "second");
    assertThat(order[0].column("SELECT state FROM tenon.saga")).containsExactly("RUNNING");
    shop.pass(HOUR);
    shop.settle();
    assertThat(order[0].global.sagas().result(type, "1", Duration.ZERO)).contains("2");
  }

  private static List<String> steps(StartingService order, SagaType<?, ?> type) {
    return order.global.sagas().find(type, "1").orElseThrow().steps();
  }

  @Test
  void goesAlongWithTheSameCodeAndDoesNothing() throws Exception {
    SagaHistory history = SagaHistory.parse(recorded(true).json());

    assertThat(history.names())
        .containsExactly("take", "note", "mail", "mail#2", "nap", "paid.until", "paid", "end");
    assertThatCode(() -> history.check(type(code(STUB, "mail")))).doesNotThrowAnyException();
    assertThatCode(
            () ->
                history.check(
                    type(
                        (scope, input) -> {
                          assertThat(input).isEqualTo("an order");
                          assertThat(scope.call("take", () -> "taken 1")).isEqualTo("taken 1");
                          scope.local("note", String.class, unit -> fail());
                          scope.external("mail", String.class, SagaHistoryIT::fail);
                          scope.external("mail", String.class, SagaHistoryIT::fail);
                          scope.sleep("nap", HOUR);
                          scope.await("paid", String.class, HOUR);
                          scope.commit("end", Integer.class, unit -> 8);
                          return scope.local("more", String.class, unit -> fail());
                        })))
        .doesNotThrowAnyException();
  }

  private static String fail() {
    throw new AssertionError("this was done already");
  }

  @Test
  void goesAlongWithCodeThatDiffersOnlyWhereTheSagaHasNotCome() throws Exception {
    SagaHistory history = recorded(false);

    assertThat(history.names()).endsWith("nap");
    history.check(
        type(
            (scope, input) -> {
              scope.call("take", () -> "taken 1");
              scope.local("note", String.class, unit -> fail());
              scope.external("mail", String.class, SagaHistoryIT::fail);
              scope.external("mail", String.class, SagaHistoryIT::fail);
              scope.sleep("nap", HOUR);
              return scope.local("quite another step", String.class, unit -> fail());
            }));
  }

  @Test
  void printsBothPathsWhenTheyDiverge() throws Exception {
    SagaHistory history = recorded(true);

    assertThatThrownBy(() -> history.check(type(code(STUB, "send-a-mail"))))
        .isInstanceOf(SagaDivergedException.class)
        .hasMessage(
            "Could not go on with the saga place/1: it takes another path. Recorded: [take, note,"
                + " mail, mail#2, nap, paid.until, paid, end]. Now: [take, note, send-a-mail]. Have"
                + " the code take the recorded path, or let such sagas end before it is deployed.");
  }

  @Test
  void findsCodeThatSwallowsWhatItIsTold() throws Exception {
    SagaHistory history = recorded(true);

    assertThatThrownBy(
            () ->
                history.check(
                    type(
                        (scope, input) -> {
                          try {
                            return scope.local("other", String.class, unit -> fail());
                          } catch (Throwable e) {
                            return "swallowed";
                          }
                        })))
        .isInstanceOf(SagaDivergedException.class)
        .hasMessageContaining("it takes another path");
  }

  @Test
  void findsCodeThatEndsOrFailsEarly() throws Exception {
    SagaHistory history = recorded(true);

    assertThatThrownBy(() -> history.check(type((scope, input) -> scope.call("take", () -> ""))))
        .hasMessageContaining("it ends early")
        .hasMessageContaining("Now: [take]");
    assertThatThrownBy(
            () ->
                history.check(
                    type(
                        (scope, input) ->
                            scope.call(
                                "take",
                                () -> {
                                  throw new IOException("sold out");
                                }))))
        .hasMessageContaining("it fails early: java.io.IOException: sold out")
        .hasCauseInstanceOf(IOException.class);
  }

  @Test
  void findsStepsThatBecameAnotherKindOrType() throws Exception {
    SagaHistory history = recorded(true);

    assertThatThrownBy(
            () ->
                history.check(
                    type((scope, input) -> scope.local("take", String.class, unit -> ""))))
        .hasMessageContaining("step take called another service, and does not any more");
    assertThatThrownBy(
            () ->
                history.check(
                    type(
                        (scope, input) -> {
                          scope.call("take", () -> "");
                          return scope.call("note", () -> "");
                        })))
        .hasMessageContaining("step note stored a result, and calls a service now");
    assertThatThrownBy(
            () ->
                history.check(
                    type(
                        (scope, input) -> {
                          scope.call("take", () -> "");
                          return "" + scope.local("note", Integer.class, unit -> 1);
                        })))
        .hasMessageContaining("the result of step note cannot be read as java.lang.Integer");
  }

  @Test
  void refusesAHistoryOfAnotherType() throws Exception {
    SagaHistory history = recorded(false);
    SagaType<String, String> other =
        new SagaType<>("ship", String.class, String.class, SagaShop.DAY, STUB);

    assertThatThrownBy(() -> history.check(other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("type: ship (expected: place)");
  }

  @Test
  void exportsNothingOfASagaThatIsUndoneOrUnknown() {
    SagaType<String, String> type =
        type(
            (scope, input) -> {
              throw new IOException("no");
            });
    StartingService order = shop.order(type);
    order.global.sagas().start(type, "1", "");
    shop.settle();

    assertThatThrownBy(() -> order.global.sagas().history(type, "1"))
        .hasMessageContaining("it was aborted");
    assertThatThrownBy(() -> order.global.sagas().history(type, "2"))
        .hasMessageContaining("it was never started");
  }
}
