package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class GidTest {
  private static final String PLACE = Gid.place("stock", "tenon", "");
  private static final String SIGNATURE = "A".repeat(86);
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00.123Z");

  private static Gid gid(String starter, String incarnation, String step) {
    Xid xid = new Xid(starter, incarnation, NOW, NOW.plus(Duration.ofDays(400)), UUID.randomUUID());
    return gid(xid, step);
  }

  private static Gid gid(Xid xid, String step) {
    SignedXid signed = new SignedXid(xid, xid.text() + "." + SIGNATURE);
    UUID branch = Gid.branch(new BranchRow.Key(xid, step), UUID.randomUUID());
    return new Gid(PLACE, signed, branch, step);
  }

  @Test
  void isReadAsItWasWritten() {
    for (String incarnation : new String[] {"1", "1f", "6a3f0c1d2e3b4a5900000001"}) {
      Gid gid = gid("order", incarnation, "take-2.1#_");

      assertThat(gid.text()).hasSizeLessThanOrEqualTo(199).matches("[A-Za-z0-9_~#.-]+");
      assertThat(Gid.parse(PLACE, gid.text())).contains(gid);
    }
  }

  @Test
  void leavesOutAStepThatDoesNotFitAndIsFoundByItAllTheSame() {
    String step = "s".repeat(Branch.STEP_LENGTH_MAX);
    Gid gid = gid("customer-relations", "6a3f0c1d2e3b4a5900000001", step);

    String text = gid.text();
    Gid read = Gid.parse(PLACE, text).orElseThrow();

    assertThat(text).hasSizeLessThanOrEqualTo(199).startsWith(Gid.beginning(PLACE, gid.key()));
    assertThat(read.signed()).isEqualTo(gid.signed());
    assertThat(read.branch()).isEqualTo(gid.branch());
    assertThat(read.step()).startsWith("#").hasSize(11);
    assertThat(read.text()).isEqualTo(text);
  }

  @Test
  void refusesAStarterWhoseNameLeavesNoRoomForTheSignature() {
    assertThat(gid("s".repeat(26), "6a3f0c1d2e3b4a5900000001", "1").text()).hasSize(199);
    assertThatThrownBy(() -> gid("s".repeat(27), "6a3f0c1d2e3b4a5900000001", "1").text())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("(expected: at most 26 characters");
  }

  @Test
  void knowsTheBranchesOfItsKindAndTheirSteps() {
    Gid gid = gid("order", "1", "1");

    assertThat(Gid.mayBe(gid.key(), gid.branch())).isTrue();
    assertThat(Gid.mayBe(new BranchRow.Key(gid.signed().xid(), "2"), gid.branch())).isFalse();
    assertThat(Gid.mayBe(gid.key(), UUID.randomUUID())).isFalse();
  }

  @Test
  void passesOverNamesOfOthers() {
    String text = gid("order", "1", "1").text();

    assertThat(Gid.parse(Gid.place("stock", "other", ""), text)).isEmpty();
    assertThat(Gid.parse(Gid.place("stock", "tenon", "second"), text)).isEmpty();
    assertThat(Gid.parse(PLACE, "tenon" + PLACE + "~~~")).isEmpty();
    assertThat(Gid.parse(PLACE, text.substring(0, 50) + "~order~1~")).isEmpty();
    assertThat(Gid.parse(PLACE, "log-it")).isEmpty();
  }
}
