package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.PostgresExtension;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Every committed message is read once, in the order of its key, whatever happens; and the same
 * adversity catches readers that are known to be wrong. {@code -Dtenon.property.rounds} runs more
 * rounds, {@code -Dtenon.property.seed} begins with another.
 */
class LogPropertyIT {
  private static final int ROUNDS = Integer.getInteger("tenon.property.rounds", 1);
  private static final int TRANSACTIONS = Integer.getInteger("tenon.property.transactions", 200);

  // Nothing but the test's own commits may flush the write-ahead log. It need not reach the disk:
  // the server is killed, not the machine.
  @RegisterExtension
  static final PostgresExtension postgres =
      PostgresExtension.dedicated(
          builder ->
              builder
                  .setting("autovacuum", "off")
                  .setting("wal_writer_delay", "10s")
                  .setting("checkpoint_timeout", "1h"));

  private static LogProperty.Outcome run(
      long seed, TestReporter reporter, LogProperty.Readers readers) throws Exception {
    reporter.publishEntry("seed", Long.toString(seed));
    try (LogProperty property =
        new LogProperty(postgres.server(), postgres.freshDatabase("order"), seed, readers)) {
      LogProperty.Outcome outcome = property.run(TRANSACTIONS);
      reporter.publishEntry(
          "seed %d".formatted(seed),
          "%d transactions, %d messages, %d dropped"
              .formatted(outcome.transactions(), outcome.messages(), outcome.rowsDropped()));
      return outcome;
    }
  }

  private static long seed(int round) {
    return Long.getLong("tenon.property.seed", 1) + round;
  }

  @Test
  void readsEachCommittedMessageOnceInTheOrderOfItsKeyWhateverHappens(TestReporter reporter)
      throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      long seed = seed(round);
      LogProperty.Outcome outcome =
          run(
              seed,
              reporter,
              (dataSource, log, s) ->
                  List.of(
                      new WindowReader("one", log, new SplittableRandom(s)),
                      new WindowReader("other", log, new SplittableRandom(s + 1))));

      assertThat(outcome.unexpected()).as("unexpected failures, seed %d", seed).isEmpty();
      assertThat(outcome.verdicts())
          .as("seed %d", seed)
          .allSatisfy((name, verdict) -> assertThat(verdict).matches(LogVerdict::clean, "clean"));
      assertThat(outcome.reads().get("one"))
          .as("the windows as two readers see them, seed %d", seed)
          .isEqualTo(outcome.reads().get("other"));
      assertThat(outcome.rowsDropped())
          .as("rows dropped while reading, seed %d", seed)
          .isPositive();
    }
  }

  @Test
  void catchesReadersThatAreWrong(TestReporter reporter) throws Exception {
    long seed = seed(0);
    LogProperty.Outcome outcome =
        run(
            seed,
            reporter,
            (dataSource, log, s) ->
                List.of(
                    new WindowReader("right", log, new SplittableRandom(s)),
                    new PlantedReaders.ByTransaction(dataSource, log),
                    new PlantedReaders.BySequence(dataSource),
                    new PlantedReaders.ByRememberedSnapshot(dataSource)));

    assertThat(outcome.verdicts().get("right").clean()).as("right, seed %d", seed).isTrue();
    assertThat(outcome.verdicts().get("by sequence").lost()).as("seed %d", seed).isNotEmpty();
    assertThat(outcome.verdicts().get("by remembered snapshot").lost())
        .as("seed %d", seed)
        .isNotEmpty();
    assertThat(outcome.verdicts().get("by transaction").reordered())
        .as("seed %d", seed)
        .isNotEmpty();
  }
}
