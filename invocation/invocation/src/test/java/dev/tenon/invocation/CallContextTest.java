package dev.tenon.invocation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CallContextTest {
  private final FakeClock clock = new FakeClock();

  @Test
  void readsWhatItWrites() {
    CallContext context =
        CallContext.EMPTY
            .withTraceparent("00-1-2-01")
            .withPrincipal("ann")
            .withConsistencyToken("7");
    Map<String, String> headers = new HashMap<>();
    context.write(headers::put);

    CallContext read = CallContext.read(headers::get, clock.instant());

    assertThat(read.traceparent()).contains("00-1-2-01");
    assertThat(read.principal()).contains("ann");
    assertThat(read.consistencyToken()).contains("7");
  }

  @Test
  void readsAStepOfATransactionAndNeverHandsItOn() {
    CallContext read =
        CallContext.read(
            Map.of(CallHeaders.XID, "xid", CallHeaders.STEP, "step")::get, clock.instant());
    Map<String, String> headers = new HashMap<>();
    read.write(headers::put);

    assertThat(read.xid()).contains("xid");
    assertThat(read.step()).contains("step");
    assertThat(headers).isEmpty();
  }

  @Test
  void neverHandsAnIdempotencyKeyOn() {
    Map<String, String> headers = new HashMap<>();
    CallContext.read(Map.of(CallHeaders.IDEMPOTENCY_KEY, "k")::get, clock.instant())
        .write(headers::put);

    assertThat(headers).isEmpty();
  }

  @Test
  void isTheThreadsOwnWhileItsWorkRuns() {
    CallContext outer = CallContext.EMPTY.withPrincipal("ann");
    outer.run(
        () -> {
          CallContext.EMPTY
              .withPrincipal("bob")
              .run(() -> assertThat(CallContext.current().principal()).contains("bob"));
          assertThat(CallContext.current()).isSameAs(outer);
        });

    assertThat(CallContext.current()).isSameAs(CallContext.EMPTY);
  }

  @Test
  void keepsTheEarlierDeadline() {
    CallContext context = CallContext.EMPTY.withDeadline(clock.instant());

    assertThat(context.withDeadline(clock.instant().plusSeconds(1)).deadline())
        .contains(clock.instant());
  }

  @ParameterizedTest
  @CsvSource({"1500m,1500", "2S,2000", "1M,60000", "1H,3600000", "99999999u,99999", "5n,0"})
  void readsATimeLeft(String value, long millis) {
    assertThat(Timeouts.parse("tenon-timeout", value).toMillis()).isEqualTo(millis);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "m", "1", "1x", "-1m", "123456789m", "1.5S", "١m"})
  void refusesATimeLeftThatIsNone(String value) {
    assertThatThrownBy(() -> Timeouts.parse("tenon-timeout", value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("tenon-timeout");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 999, 1_000_000, 99_999_999, 100_000_000, 9_000_000_000_000L})
  void writesATimeLeftThatIsNeverLonger(long micros) {
    Duration left = Duration.ofNanos(micros * 1000);

    Duration read = Timeouts.parse("t", Timeouts.format(left));

    assertThat(read).isLessThanOrEqualTo(left);
    assertThat(left.minus(read)).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  void refusesAValueThatCouldSmuggleAnotherHeader() {
    assertThatThrownBy(() -> CallContext.EMPTY.withPrincipal("a\r\ntenon-xid: b"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("tenon-principal");
  }
}
