package dev.tenon.invocation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.Call.Step;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.runtime.TenonRuntime;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a call does next, for each thing that can come of an attempt. */
class CallTest {
  private static final Target TARGET = new Target("stock", "reserve");
  private static final Result NOT_CONNECTED = new Result.NotConnected(new ConnectException("no"));
  private static final Result BROKEN = new Result.Broken(new IOException("reset"));

  private final FakeClock clock = new FakeClock();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

  @ParameterizedTest
  @EnumSource(Repeatable.class)
  void deliversAnAnswerWhateverItSays(Repeatable repeatable) {
    Call call = begin(calls("a:1"), repeatable);
    call.next();

    assertThat(call.ended(new Result.Answered(422))).isEqualTo(new Step.Deliver(1));
  }

  @Test
  void triesAnotherEndpointAtOnceWhenOneIsNotThereWhateverTheCallDoes() {
    Call call = begin(calls("a:1", "b:1"), Repeatable.IF_NOT_SENT);
    Step.Send first = send(call.next());

    Step.Send second = send(call.ended(NOT_CONNECTED));

    assertThat(second.endpoint()).isNotEqualTo(first.endpoint());
    assertThat(second.attempt()).isEqualTo(2);
  }

  @Test
  void triesAnotherEndpointWhenOneRefusesToBegin() {
    Call call = begin(calls("a:1", "b:1"), Repeatable.IF_NOT_SENT);
    Step.Send first = send(call.next());

    Step.Send second = send(call.ended(new Result.Refused("stopping")));

    assertThat(second.endpoint()).isNotEqualTo(first.endpoint());
  }

  @Test
  void asksNoEndpointTwiceWhileThereIsAnother() {
    for (int i = 0; i < 50; i++) {
      Call call = begin(calls("a:1", "b:1", "c:1"), Repeatable.IF_NOT_SENT);
      Step.Send first = send(call.next());
      Step.Send second = send(call.ended(new Result.Refused("stopping")));
      Step.Send third = send(call.ended(new Result.Refused("stopping")));

      assertThat(List.of(first.endpoint(), second.endpoint(), third.endpoint()))
          .doesNotHaveDuplicates();
    }
  }

  @Test
  void neverRepeatsWhatMayHaveBeenDone() {
    Call call = begin(calls("a:1", "b:1"), Repeatable.IF_NOT_SENT);
    call.next();

    Step end = call.ended(BROKEN);

    assertThat(failure(end)).isInstanceOf(UnknownOutcomeException.class);
    assertThat(failure(end).attempts()).isEqualTo(1);
  }

  @Test
  void repeatsWhatMayHaveBeenDoneAfterAWaitIfItIsRepeatable() {
    Call call = begin(calls("a:1", "b:1"), Repeatable.ALWAYS);
    call.next();

    assertThat(call.ended(BROKEN)).isInstanceOf(Step.Wait.class);
    assertThat(call.next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void neverRepeatsAStream() {
    Call call = begin(calls("a:1", "b:1"), Repeatable.NEVER);
    call.next();

    assertThat(failure(call.ended(NOT_CONNECTED))).isInstanceOf(NotSentException.class);
  }

  @Test
  void isUnknownForEverOnceOneAttemptMayHaveBeenDone() {
    Call call = begin(calls("a:1", "b:1"), Repeatable.ALWAYS);
    call.next();
    call.ended(BROKEN);
    call.next();

    Step end = call.ended(NOT_CONNECTED);
    while (!(end instanceof Step.Fail)) {
      end = end instanceof Step.Wait ? call.next() : call.ended(NOT_CONNECTED);
    }

    assertThat(failure(end)).isInstanceOf(UnknownOutcomeException.class);
  }

  @Test
  void isCertainlyNotSentWhenNobodyCouldBeConnectedTo() {
    Call call = begin(calls("a:1"), Repeatable.ALWAYS);
    call.next();

    assertThat(failure(call.ended(NOT_CONNECTED)))
        .isInstanceOfSatisfying(
            NotSentException.class,
            e -> assertThat(e.reason()).isEqualTo(NotSentException.Reason.UNREACHABLE));
  }

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 502, 503})
  void repeatsAPassingProblemIfTheCallIsRepeatable(int status) {
    Call repeatable = begin(calls("a:1"), Repeatable.ALWAYS);
    repeatable.next();
    Call other = begin(calls("a:1"), Repeatable.IF_NOT_SENT);
    other.next();

    assertThat(repeatable.ended(new Result.Answered(status))).isInstanceOf(Step.Wait.class);
    assertThat(other.ended(new Result.Answered(status))).isInstanceOf(Step.Deliver.class);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 404, 409, 422, 500, 501})
  void neverRepeatsALastingProblem(int status) {
    Call call = begin(calls("a:1"), Repeatable.ALWAYS);
    call.next();

    assertThat(call.ended(new Result.Answered(status))).isInstanceOf(Step.Deliver.class);
  }

  @Test
  void neverRepeatsWhatAnotherServiceRefusedForGoodNorBlamesWhoHandsItOn() {
    Calls calls = calls("a:1", "b:1");
    for (int i = 0; i < 100; i++) {
      Call call = begin(calls, Repeatable.ALWAYS);
      call.next();
      Problem handedOn =
          new RemoteProblemException(TARGET, 1, Problem.of(409, "taken", "")).passedOn();

      assertThat(call.ended(Result.of(handedOn))).isInstanceOf(Step.Deliver.class);
    }
    assertThat(meters.get("tenon.call.endpoints.usable").gauge().value()).isEqualTo(2);
  }

  @Test
  void takesA504ForNoAnswer() {
    Call call = begin(calls("a:1"), Repeatable.IF_NOT_SENT);
    call.next();

    assertThat(failure(call.ended(new Result.Answered(504))))
        .isInstanceOf(UnknownOutcomeException.class);
  }

  @Test
  void makesNoMoreAttemptsThanAllowed() {
    Call call = begin(calls("a:1", "b:1", "c:1", "d:1"), Repeatable.ALWAYS);
    call.next();
    assertThat(call.ended(NOT_CONNECTED)).isInstanceOf(Step.Send.class);
    assertThat(call.ended(NOT_CONNECTED)).isInstanceOf(Step.Send.class);

    assertThat(failure(call.ended(NOT_CONNECTED)).attempts()).isEqualTo(3);
  }

  @Test
  void staysWithinTheCallersDeadline() throws Exception {
    Calls calls = calls("a:1");
    CallContext hurried =
        CallContext.EMPTY.withDeadline(clock.instant().plus(Duration.ofMillis(70)));
    Call call = calls.begin(TARGET, Repeatable.ALWAYS, hurried);

    assertThat(send(call.next()).timeout()).isEqualTo(Duration.ofMillis(70));
    clock.advance(Duration.ofMillis(69));
    assertThat(failure(call.ended(BROKEN))).isInstanceOf(UnknownOutcomeException.class);
  }

  @Test
  void sendsNothingAfterTheDeadline() {
    CallContext late = CallContext.EMPTY.withDeadline(clock.instant());
    Call call = calls("a:1").begin(TARGET, Repeatable.ALWAYS, late);

    assertThat(failure(call.next()))
        .isInstanceOfSatisfying(
            NotSentException.class,
            e -> assertThat(e.reason()).isEqualTo(NotSentException.Reason.DEADLINE));
  }

  @Test
  void failsFastWhileNoEndpointMayBeAskedAndProbesOneAfterItsTime() {
    Calls calls = calls("a:1");
    Call first = begin(calls, Repeatable.IF_NOT_SENT);
    first.next();
    first.ended(NOT_CONNECTED);

    assertThat(failure(begin(calls, Repeatable.IF_NOT_SENT).next()))
        .hasMessageContaining("none of its 1 endpoints answers");
    clock.advance(Duration.ofSeconds(1));
    Call probe = begin(calls, Repeatable.IF_NOT_SENT);
    assertThat(probe.next()).isInstanceOf(Step.Send.class);
    assertThat(begin(calls, Repeatable.IF_NOT_SENT).next()).isInstanceOf(Step.Fail.class);
    probe.ended(new Result.Answered(200));
    assertThat(begin(calls, Repeatable.IF_NOT_SENT).next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void aStreamThatProbesAnEndpointDoesNotKeepOthersFromItWhileItLasts() {
    Calls calls = calls("a:1");
    Call first = begin(calls, Repeatable.IF_NOT_SENT);
    first.next();
    first.ended(NOT_CONNECTED);
    clock.advance(Duration.ofSeconds(1));
    Call stream = begin(calls, Repeatable.NEVER);
    assertThat(stream.next()).isInstanceOf(Step.Send.class);

    stream.answering();

    assertThat(begin(calls, Repeatable.IF_NOT_SENT).next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void leavesAnInstanceThatIsStartingOrStoppingAloneForAWhile() {
    Calls calls = calls("a:1", "b:1");
    Call first = begin(calls, Repeatable.IF_NOT_SENT);
    Step.Send refused = send(first.next());
    send(first.ended(new Result.NotServing("it is starting")));

    for (int i = 0; i < 20; i++) {
      Call call = begin(calls, Repeatable.IF_NOT_SENT);
      assertThat(send(call.next()).endpoint()).isNotEqualTo(refused.endpoint());
      call.ended(new Result.Answered(200));
    }
  }

  @Test
  void asksTheOnlyInstanceAgainWhenItHasSaidThatItIsStarting() {
    Calls calls = calls("a:1");
    Call refused = begin(calls, Repeatable.NEVER);
    refused.next();
    refused.ended(new Result.NotServing("it is starting"));

    assertThat(begin(calls, Repeatable.NEVER).next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void asksAnInstanceThatWasAwayWhenTheLastOtherGoes() {
    Calls calls = calls("a:1", "b:1");
    Call first = begin(calls, Repeatable.IF_NOT_SENT);
    Step.Send away = send(first.next());
    first.ended(NOT_CONNECTED);
    clock.advance(Duration.ofMillis(20)); // it is back, and not yet looked for

    Call call = begin(calls, Repeatable.IF_NOT_SENT);
    send(call.next());
    Step.Send early = send(call.ended(new Result.NotServing("it is stopping")));

    assertThat(early.endpoint()).isEqualTo(away.endpoint());
    Call beside = begin(calls, Repeatable.IF_NOT_SENT);
    assertThat(send(beside.next()).endpoint()).isEqualTo(away.endpoint());
  }

  @Test
  void waitsAMomentWhenTheLastInstanceWasAwayJustNow() {
    Calls calls = calls("a:1", "b:1");
    Call first = begin(calls, Repeatable.IF_NOT_SENT);
    first.next();
    first.ended(NOT_CONNECTED);
    first.ended(NOT_CONNECTED);

    Call call = begin(calls, Repeatable.IF_NOT_SENT);
    assertThat(call.next()).isInstanceOf(Step.Wait.class);
    clock.advance(Duration.ofMillis(10));
    assertThat(call.next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void failsSoonWhenNoInstanceComesBack() {
    Calls calls = calls("a:1", "b:1");
    Call first = begin(calls, Repeatable.IF_NOT_SENT);
    first.next();
    first.ended(NOT_CONNECTED);
    first.ended(NOT_CONNECTED);

    Call call = begin(calls, Repeatable.IF_NOT_SENT);
    Step step = call.next();
    for (int i = 0; i < 10 && !(step instanceof Step.Fail); i++) {
      step = step instanceof Step.Wait ? call.next() : call.ended(NOT_CONNECTED);
    }

    assertThat(failure(step))
        .isInstanceOf(NotSentException.class)
        .hasMessageContaining("none of its 2 endpoints answers");
  }

  @Test
  void attemptsThatReachNobodyCostNothingOfTheBudget() {
    Calls calls = calls("a:1", "b:1", "c:1");
    for (int i = 0; i < 1000; i++) {
      Call call = begin(calls, Repeatable.IF_NOT_SENT);
      call.next();
      send(call.ended(new Result.NotServing("it is starting")));
      call.ended(new Result.Answered(200));
      clock.advance(Duration.ofSeconds(2));
    }
  }

  @Test
  void retriesNoMoreThanItsBudgetAllows() {
    Calls calls = calls("a:1", "b:1");
    int repeated = 0;
    for (int i = 0; i < 1000; i++) {
      Call call = begin(calls, Repeatable.ALWAYS);
      call.next();
      Step step = call.ended(new Result.Answered(429));
      repeated += step instanceof Step.Wait ? 1 : 0;
      call.abandon();
    }

    assertThat(repeated).isBetween(250, 310); // a hundred at first, and a fifth of the calls
  }

  @Test
  void aPlaceAmongTheCallsInFlightIsGivenBackHoweverACallEnds() {
    Calls calls =
        Calls.builder(source("a:1"))
            .policy(CallPolicy.defaults().withCallsInFlightMax(1))
            .runtime(runtime())
            .build();
    Call delivered = begin(calls, Repeatable.ALWAYS);
    assertThatThrownBy(() -> begin(calls, Repeatable.ALWAYS))
        .isInstanceOfSatisfying(
            NotSentException.class,
            e -> assertThat(e.reason()).isEqualTo(NotSentException.Reason.OVERLOADED));
    delivered.next();
    delivered.ended(new Result.Answered(200));
    Call abandoned = begin(calls, Repeatable.ALWAYS);
    abandoned.next();
    abandoned.abandon();
    abandoned.abandon();
    Call failed = begin(calls, Repeatable.IF_NOT_SENT);
    failed.next();
    failed.ended(BROKEN);

    assertThat(begin(calls, Repeatable.ALWAYS).next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void anOperationsOwnPolicyCountsItsOwnCalls() {
    Calls calls =
        Calls.builder(source("a:1"))
            .policy("stock/slow", CallPolicy.defaults().withCallsInFlightMax(1))
            .runtime(runtime())
            .build();
    calls.begin(new Target("stock", "slow"), Repeatable.ALWAYS, CallContext.EMPTY);

    assertThatThrownBy(
            () -> calls.begin(new Target("stock", "slow"), Repeatable.ALWAYS, CallContext.EMPTY))
        .isInstanceOf(NotSentException.class);
    assertThat(begin(calls, Repeatable.ALWAYS).next()).isInstanceOf(Step.Send.class);
  }

  @Test
  void countsCallsByOutcome() {
    Calls calls = calls("a:1");
    Call call = begin(calls, Repeatable.ALWAYS);
    call.next();
    call.ended(new Result.Answered(200));

    assertThat(
            meters
                .get("tenon.calls")
                .tags("service", "stock", "operation", "reserve", "outcome", "ok")
                .timer()
                .count())
        .isEqualTo(1);
    assertThat(meters.get("tenon.call.endpoints").tag("service", "stock").gauge().value())
        .isEqualTo(1);
  }

  private Calls calls(String... addresses) {
    return Calls.builder(source(addresses)).runtime(runtime()).meters(meters).build();
  }

  private static EndpointSource source(String... addresses) {
    return EndpointSource.of(Map.of("stock", List.of(addresses)));
  }

  private TenonRuntime runtime() {
    TenonRuntime system = TenonRuntime.system();
    return new TenonRuntime(clock, system.ids(), new Random(7), system.threads());
  }

  private static Call begin(Calls calls, Repeatable repeatable) {
    return calls.begin(TARGET, repeatable, CallContext.EMPTY);
  }

  private static Step.Send send(Step step) {
    assertThat(step).isInstanceOf(Step.Send.class);
    return (Step.Send) step;
  }

  private static CallException failure(Step step) {
    assertThat(step).isInstanceOf(Step.Fail.class);
    return ((Step.Fail) step).failure();
  }
}
