package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReplyFateTest {
  @ParameterizedTest
  @CsvSource({
    "200, STORED",
    "204, STORED",
    "302, STORED",
    "400, REFUSED",
    "401, FORGOTTEN",
    "403, REFUSED",
    "408, FORGOTTEN",
    "409, REFUSED",
    "422, REFUSED",
    "425, FORGOTTEN",
    "429, FORGOTTEN",
    "499, FORGOTTEN",
    "500, FORGOTTEN",
    "503, FORGOTTEN"
  })
  void isTheSameForAllProtocols(int status, ReplyFate fate) {
    assertThat(ReplyFate.of(status)).isEqualTo(fate);
  }
}
