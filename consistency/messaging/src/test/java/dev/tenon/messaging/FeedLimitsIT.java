package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.testing.database.PostgresExtension;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a publisher takes, and in which pieces a feed gives it. */
class FeedLimitsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int MESSAGE_BYTES = 4_000;
  private static final int BATCH_MESSAGES = 10;
  private static final int BATCH_BYTES = 1_000;

  private TestService order;

  @BeforeEach
  void start() {
    order =
        new TestService(
            "order",
            postgres.freshDatabase("order"),
            builder ->
                builder
                    .topic(Topic.of("text", Topic.ANYONE))
                    .topic(Topic.of("other", Topic.ANYONE))
                    .config(
                        MessagingConfig.defaults()
                            .messageBytesMax(MESSAGE_BYTES)
                            .batchMessagesMax(BATCH_MESSAGES)
                            .batchBytesMax(BATCH_BYTES)));
  }

  @AfterEach
  void stop() {
    order.close();
  }

  private void publish(OutgoingMessage... messages) {
    order.transactions.run(
        unit -> {
          for (OutgoingMessage message : messages) {
            order.messaging.outbox().publish(message);
          }
        });
    order.messaging.runPending();
  }

  private void publish(int from, int to) {
    publish(
        IntStream.range(from, to)
            .mapToObj(i -> OutgoingMessage.of("text", i).key("k" + i % 7))
            .toArray(OutgoingMessage[]::new));
  }

  /** A payload of so many bytes, with its quotes. */
  private static OutgoingMessage bytes(int count) {
    return OutgoingMessage.of("text", "x".repeat(count - 2));
  }

  private FeedStream open(String subscriber, FeedRequest.Slot slot, Position position) {
    return order
        .messaging
        .feedSource()
        .open(new FeedRequest("order", subscriber, "default", Set.of("text"), slot, position));
  }

  private FeedStream open(Position position) {
    return open("stock", new FeedRequest.Slot(0, 1), position);
  }

  private static String text(FeedMessage message) {
    return new String(message.message().payload(), java.nio.charset.StandardCharsets.UTF_8);
  }

  /** All batches with messages up to the end. */
  private static List<FeedBatch> drain(FeedStream stream) throws InterruptedException {
    List<FeedBatch> batches = new ArrayList<>();
    int idle = 0;
    while (idle < 2) {
      Optional<FeedBatch> batch = stream.next(Duration.ZERO);
      idle = batch.isEmpty() ? idle + 1 : 0;
      batch.filter(found -> !found.messages().isEmpty()).ifPresent(batches::add);
    }
    return batches;
  }

  private static List<String> texts(List<FeedBatch> batches) {
    return batches.stream()
        .flatMap(batch -> batch.messages().stream())
        .map(FeedLimitsIT::text)
        .toList();
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).toList();
  }

  @Test
  void refusesMessagesAndKeysThatAreTooLong() {
    assertThatCode(() -> publish(bytes(MESSAGE_BYTES - 2))).doesNotThrowAnyException();
    assertThatThrownBy(() -> publish(bytes(MESSAGE_BYTES - 1)))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("payload and headers are 4001 bytes, the limit is 4000")
        .hasMessageContaining("messageBytesMax");
    assertThatCode(() -> publish(OutgoingMessage.of("text", 1).key("k".repeat(500))))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> publish(OutgoingMessage.of("text", 1).key("k".repeat(501))))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("its key is longer than 500");
  }

  @Test
  void cutsBatchesByMessagesAndByBytes() throws InterruptedException {
    publish(0, 25);
    publish(bytes(400), bytes(400), bytes(400), bytes(3_000), bytes(600), bytes(400), bytes(2));

    List<FeedBatch> batches;
    try (FeedStream stream = open(new Position.Beginning())) {
      batches = drain(stream);
    }

    assertThat(batches.stream().map(batch -> batch.messages().size()))
        .containsExactly(10, 10, 7, 1, 1, 2, 1);
    assertThat(batches)
        .allSatisfy(
            batch ->
                assertThat(
                        batch.messages().size() == 1
                            || batch.messages().stream()
                                    .mapToInt(m -> m.message().payload().length)
                                    .sum()
                                <= BATCH_BYTES)
                    .isTrue());
    assertThat(batches.getLast().lag()).isZero();
  }

  @Test
  void readsATransactionOfTwentyThousandMessagesInOrderAndGoesOnInItsMiddle()
      throws InterruptedException {
    publish(0, 20_000);
    Cursor middle;
    List<String> first = new ArrayList<>();
    try (FeedStream stream = open(new Position.Beginning())) {
      FeedBatch batch;
      do {
        batch = stream.next(Duration.ofSeconds(5)).orElseThrow();
        batch.messages().forEach(message -> first.add(text(message)));
      } while (first.size() < 9_995);
      middle = batch.messages().get(4).cursor();
      first.subList(first.size() - 5, first.size()).clear();
      assertThat(middle.seq()).isNotEqualTo(Cursor.WINDOW_END);
    }
    assertThat(first).isEqualTo(numbers(0, 9_995));

    try (FeedStream stream = open(new Position.After(middle))) {
      assertThat(texts(drain(stream))).isEqualTo(numbers(9_995, 20_000));
    }
  }

  @Test
  void givesEachSlotItsKeysAndEverySubscriberEverything() throws Exception {
    publish(0, 1_000);
    publish(OutgoingMessage.of("other", "not asked for"));
    publish(1_000, 2_000);
    List<CompletableFuture<List<String>>> readers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (String subscriber : List.of("stock", "payment")) {
        for (int slot = 0; slot < 3; slot++) {
          FeedRequest.Slot asked = new FeedRequest.Slot(slot, 3);
          readers.add(
              CompletableFuture.supplyAsync(
                  () -> {
                    try (FeedStream stream = open(subscriber, asked, new Position.Beginning())) {
                      return texts(drain(stream));
                    } catch (InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  },
                  threads));
        }
      }
    }
    List<List<String>> read = readers.stream().map(CompletableFuture::join).toList();

    assertThat(read.subList(0, 3)).isEqualTo(read.subList(3, 6));
    assertThat(read.subList(0, 3).stream().flatMap(List::stream))
        .containsExactlyInAnyOrderElementsOf(numbers(0, 2_000));
    assertThat(read)
        .allSatisfy(texts -> assertThat(texts.stream().map(Integer::valueOf)).isSorted());
  }

  @Test
  void startsFromNowOrFromTheBeginning() throws InterruptedException {
    publish(0, 5);
    try (FeedStream now = open(new Position.Now());
        FeedStream beginning = open(new Position.Beginning())) {
      publish(5, 8);

      assertThat(texts(drain(now))).isEqualTo(numbers(5, 8));
      assertThat(texts(drain(beginning))).isEqualTo(numbers(0, 8));
    }
  }

  @Test
  void movesThePositionOfAReaderForWhichThereIsNothing() throws InterruptedException {
    publish(OutgoingMessage.of("other", "not asked for"));
    try (FeedStream stream = open(new Position.Beginning())) {
      FeedBatch told = stream.next(Duration.ofMillis(50)).orElseThrow();
      FeedBatch moved =
          told.end().window() == 1 ? told : stream.next(Duration.ofMillis(50)).orElseThrow();

      assertThat(moved.messages()).isEmpty();
      assertThat(moved.end().window()).isEqualTo(1);
      assertThat(moved.lag()).isZero();
      assertThat(stream.next(Duration.ofMillis(5))).isEmpty();
    }
  }
}
