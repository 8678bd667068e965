package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SnapshotTest {

  @Test
  void seesWhatHadEndedAndNothingElse() {
    Snapshot snapshot = Snapshot.parse("10:20:12,15,11");

    assertThat(snapshot.sees(9)).isTrue();
    assertThat(snapshot.sees(10)).isTrue();
    assertThat(snapshot.sees(11)).isFalse();
    assertThat(snapshot.sees(12)).isFalse();
    assertThat(snapshot.sees(13)).isTrue();
    assertThat(snapshot.sees(19)).isTrue();
    assertThat(snapshot.sees(20)).isFalse();
    assertThat(snapshot.inProgressLiteral()).isEqualTo("{11,12,15}");
  }

  @Test
  void seesNothingBeforeTheFirstWindow() {
    assertThat(Snapshot.NOTHING.sees(1)).isFalse();
    assertThat(Snapshot.parse("1:1:").sees(3)).isFalse();
    assertThat(Snapshot.NOTHING.inProgressLiteral()).isEqualTo("{}");
  }

  @Test
  void countsBeyondThirtyTwoBits() {
    Snapshot snapshot = Snapshot.parse("8589934592:8589934600:8589934595");

    assertThat(snapshot.sees(8_589_934_594L)).isTrue();
    assertThat(snapshot.sees(8_589_934_595L)).isFalse();
  }

  @Test
  void refusesWhatIsNoSnapshot() {
    assertThatThrownBy(() -> Snapshot.parse("1:2"))
        .hasMessage("snapshot: 1:2 (expected: xmin:xmax:xip,…)");
    assertThatThrownBy(() -> Snapshot.parse("a:b:c")).isInstanceOf(NumberFormatException.class);
  }
}
