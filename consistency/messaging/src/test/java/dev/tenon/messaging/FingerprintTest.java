package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FingerprintTest {
  private static final String REQUEST = "POST /orders";

  private static Fingerprint json(String body) {
    return Fingerprint.ofJson(REQUEST, body.getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\":1,\"b\":\"x\"}|{ \"b\" : \"x\",\t \"a\" : 1 }",
        "{\"a\":1}|{\"a\":1,\"b\":null}",
        "{\"a\":1}|{\"a\":1.0}",
        "{\"a\":100}|{\"a\":1e2}",
        "{\"a\":0}|{\"a\":-0.0}",
        "{\"a\":\"é\"}|{\"a\":\"\\u00e9\"}",
        "{\"a\":{\"y\":1,\"x\":[{\"c\":1,\"b\":null}]}}|{\"a\":{\"x\":[{\"c\":1}],\"y\":1}}",
        "12345678901234567890.10|12345678901234567890.1",
      })
  void takesJsonOfOneMeaningForOneRequest(String one, String other) {
    assertThat(json(one)).isEqualTo(json(other));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\":1}|{\"a\":2}",
        "{\"a\":1}|{\"b\":1}",
        "{\"a\":\"1\"}|{\"a\":1}",
        "{\"a\":[1,2]}|{\"a\":[2,1]}",
        "{\"a\":[null]}|{\"a\":[]}",
        "{\"a\":false}|{}",
        "{\"a\":\"\"}|{}",
        "12345678901234567890|12345678901234567891",
        "{\"a\":1,\"a\":2}|{\"a\":2}",
        "{}|[]",
      })
  void tellsOtherRequestsApart(String one, String other) {
    assertThat(json(one)).isNotEqualTo(json(other));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{} {}", "order=1", "{\"a\":1,\"a\":1}"})
  void takesWhatIsNoJsonByItsBytes(String body) {
    assertThat(json(body))
        .isEqualTo(Fingerprint.ofBytes(REQUEST, body.getBytes(StandardCharsets.UTF_8)))
        .isNotEqualTo(json(body + " "));
  }

  @Test
  void countsWhatIsAskedBesideTheBody() {
    byte[] body = {'1'};

    assertThat(
            List.of(
                Fingerprint.ofJson("PUT /orders/1", body),
                Fingerprint.ofJson("PUT /orders/", body),
                Fingerprint.ofBytes("PUT /orders/1", body),
                Fingerprint.ofBytes("PUT /orders/11", new byte[0])))
        .doesNotHaveDuplicates();
  }

  record Older(String product, int amount) {}

  record Newer(
      String product,
      int amount,
      boolean express,
      double tip,
      Optional<String> note,
      Integer gift) {
    Newer(String product, int amount) {
      this(product, amount, false, 0, Optional.empty(), null);
    }
  }

  @Test
  void doesNotSeeNewMembersThatSayNothing() {
    Fingerprint older = Fingerprint.ofValue(REQUEST, new Older("lamp", 2));

    assertThat(Fingerprint.ofValue(REQUEST, new Newer("lamp", 2))).isEqualTo(older);
    assertThat(json("{\"amount\":2,\"product\":\"lamp\"}")).isEqualTo(older);
    assertThat(Fingerprint.ofValue(REQUEST, new Newer("lamp", 3))).isNotEqualTo(older);
    assertThat(Fingerprint.ofValue(REQUEST, new Newer("lamp", 2, true, 0, Optional.empty(), null)))
        .isNotEqualTo(older);
    assertThat(Fingerprint.ofValue(REQUEST, new Newer("lamp", 2, false, 0, Optional.of("x"), null)))
        .isNotEqualTo(older);
    assertThat(Fingerprint.ofValue(REQUEST, new Newer("lamp", 2, false, 0, Optional.empty(), 0)))
        .as("a zero that could be absent says something")
        .isNotEqualTo(older);
  }

  @Test
  void refusesWhatIsNoDigest() {
    assertThatThrownBy(() -> new Fingerprint("abc"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("sha256: abc");
  }
}
