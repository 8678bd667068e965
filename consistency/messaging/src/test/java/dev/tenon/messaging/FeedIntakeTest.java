package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class FeedIntakeTest {
  private static final UUID ID = new UUID(1, 2);
  private static final int PAYLOAD_BYTES = 10;

  private final Arrived stream = new Arrived();

  /** A stream whose batches have all arrived. */
  private static final class Arrived implements FeedStream {
    final Queue<FeedBatch> batches = new ArrayDeque<>();

    @Override
    public Optional<FeedBatch> next(Duration timeout) {
      return ready();
    }

    @Override
    public Optional<FeedBatch> ready() {
      return Optional.ofNullable(batches.poll());
    }

    @Override
    public void close() {}
  }

  private static FeedBatch batch(long window, int messages) {
    return new FeedBatch(
        LongStream.rangeClosed(1, messages).mapToObj(seq -> message(window, seq)).toList(),
        Cursor.endOf(window, ID),
        window);
  }

  private static FeedMessage message(long window, long seq) {
    return new FeedMessage(
        new Cursor(window, ID, seq, Optional.empty()),
        new Message(
            ID, "t", Optional.empty(), 1, Map.of(), Instant.EPOCH, new byte[PAYLOAD_BYTES]));
  }

  private FeedBatch arrives(long window, int messages) {
    FeedBatch batch = batch(window, messages);
    stream.batches.add(batch);
    return batch;
  }

  private static MessagingConfig limits() {
    return MessagingConfig.defaults().batchMessagesMax(5);
  }

  private Optional<FeedBatch> next(FeedIntake intake) throws InterruptedException {
    return intake.next(stream, Duration.ZERO);
  }

  @Test
  void joinsWhatHasArrivedAndEndsWhereTheLastEnds() throws InterruptedException {
    FeedIntake intake = new FeedIntake(limits());
    arrives(1, 1);
    arrives(2, 2);

    FeedBatch joined = next(intake).orElseThrow();

    assertThat(joined.messages())
        .extracting(message -> message.cursor().window())
        .containsExactly(1L, 2L, 2L);
    assertThat(joined.end()).isEqualTo(Cursor.endOf(2, ID));
    assertThat(joined.lag()).isEqualTo(2);
    assertThat(next(intake)).isEmpty();
  }

  @Test
  void keepsForTheNextCommitWhatDoesNotFit() throws InterruptedException {
    FeedIntake intake = new FeedIntake(limits());
    FeedBatch first = arrives(1, 3);
    FeedBatch second = arrives(2, 3);

    assertThat(next(intake)).contains(first);
    assertThat(next(intake)).contains(second);
  }

  @Test
  void staysWithinTheLimitOfBytes() throws InterruptedException {
    FeedIntake intake = new FeedIntake(limits().batchBytesMax(2 * PAYLOAD_BYTES));
    arrives(1, 1);
    arrives(2, 1);
    FeedBatch third = arrives(3, 1);

    assertThat(next(intake).orElseThrow().messages()).hasSize(2);
    assertThat(next(intake)).contains(third);
  }

  @Test
  void joinsNothingToAPartThatOnlyMovesThePosition() throws InterruptedException {
    FeedIntake intake = new FeedIntake(limits());
    FeedBatch first = arrives(1, 0);
    FeedBatch second = arrives(2, 1);
    FeedBatch third = arrives(3, 0);

    assertThat(next(intake)).contains(first);
    assertThat(next(intake)).contains(second);
    assertThat(next(intake)).contains(third);
  }

  @Test
  void forgetsWhatItKeptOfAStreamThatIsGivenUp() throws InterruptedException {
    FeedIntake intake = new FeedIntake(limits());
    arrives(1, 3);
    arrives(2, 3);
    assertThat(next(intake)).isPresent();

    intake.forget();

    assertThat(next(intake)).isEmpty();
  }
}
