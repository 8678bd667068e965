package dev.tenon.invocation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.spi.Endpoint;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.runtime.TenonRuntime;
import java.net.ConnectException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which endpoints a loop asks that comes again by itself. */
class EndpointRoundTest {
  private static final Result NOT_CONNECTED = new Result.NotConnected(new ConnectException("no"));

  private final FakeClock clock = new FakeClock();

  @Test
  void asksEachEndpointOnce() {
    Calls calls = calls("a:1", "b:1", "c:1");

    assertThat(failing(calls)).hasSize(3).doesNotHaveDuplicates();
  }

  @Test
  void asksEndpointsThatAreLeftOutWhenThereIsNoOther() {
    Calls calls = calls("a:1", "b:1");
    for (int i = 0; i < 10; i++) {
      assertThat(failing(calls)).hasSize(2).doesNotHaveDuplicates();
    }

    try (EndpointRound round = calls.round("stock")) {
      assertThat(round.next()).isPresent();
      round.ended(new Result.Answered(200));
    }

    assertThat(begin(calls).next()).isInstanceOf(Call.Step.Send.class);
  }

  @Test
  void asksTheOthersFirst() {
    for (int i = 0; i < 50; i++) {
      Calls calls = calls("a:1", "b:1");
      String leftOut = first(calls).orElseThrow().host();

      assertThat(failing(calls)).hasSize(2).last().isEqualTo(leftOut);
    }
  }

  @Test
  void leavesAProbeToWhoIsAtIt() {
    Calls calls = calls("a:1");
    Optional<Endpoint> unused = first(calls);
    try (EndpointRound probing = calls.round("stock")) {
      assertThat(probing.next()).isPresent();

      assertThat(failing(calls)).isEmpty();
    }
    assertThat(failing(calls)).hasSize(1); // the probe that was given up is free again
  }

  @Test
  void saysWhetherThereIsAnyEndpoint() {
    assertThat(calls().round("stock").isEmpty()).isTrue();
    assertThat(calls("a:1").round("stock").isEmpty()).isFalse();
  }

  /** Lets the first endpoint that is asked fail. */
  private static Optional<Endpoint> first(Calls calls) {
    try (EndpointRound round = calls.round("stock")) {
      Optional<Endpoint> asked = round.next();
      round.ended(NOT_CONNECTED);
      return asked;
    }
  }

  /** Lets all endpoints fail that are asked. */
  private static List<String> failing(Calls calls) {
    List<String> asked = new ArrayList<>();
    try (EndpointRound round = calls.round("stock")) {
      for (Optional<Endpoint> next = round.next(); next.isPresent(); next = round.next()) {
        asked.add(next.get().host());
        round.ended(NOT_CONNECTED);
      }
    }
    return asked;
  }

  private static Call begin(Calls calls) {
    return calls.begin(new Target("stock", "find"), Call.Repeatable.ALWAYS, CallContext.EMPTY);
  }

  private Calls calls(String... addresses) {
    TenonRuntime system = TenonRuntime.system();
    return Calls.builder(EndpointSource.of(Map.of("stock", List.of(addresses))))
        .runtime(new TenonRuntime(clock, system.ids(), new Random(7), system.threads()))
        .build();
  }
}
