package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShareTest {

  @ParameterizedTest
  @CsvSource({"4, 1", "4, 2", "4, 3", "4, 4", "4, 5", "1, 3", "256, 7"})
  void givesAwayEverySlotAndNobodyMoreThanOneMoreThanAnother(int slots, int instances) {
    int[] shares =
        IntStream.range(0, instances)
            .map(rank -> new SlotStore.Share(instances, rank, slots).most())
            .toArray();

    assertThat(IntStream.of(shares).sum()).isEqualTo(slots);
    assertThat(IntStream.of(shares).max().orElseThrow())
        .isLessThanOrEqualTo(IntStream.of(shares).min().orElseThrow() + 1);
  }
}
