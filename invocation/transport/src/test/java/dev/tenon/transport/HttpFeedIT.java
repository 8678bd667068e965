package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.tenon.invocation.Call;
import dev.tenon.invocation.Call.Step;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.Target;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedRequest.Slot;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.testing.database.Ports;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

@Timeout(60)
class HttpFeedIT {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(50);

  private final FakeFeedSource source = new FakeFeedSource("order");
  private final MovingEndpoints addresses = new MovingEndpoints();
  private final Calls calls = Calls.builder(addresses).build();
  private TenonPort port;
  private HttpFeedTransport transport;

  @BeforeEach
  void open() {
    port = open(builder -> builder);
    transport =
        HttpFeedTransport.builder(ServiceIdentity.development("inventory"), calls)
            .connectTimeout(Duration.ofSeconds(1))
            .callTimeout(Duration.ofSeconds(3))
            .build();
  }

  @AfterEach
  void close() {
    transport.close();
    port.close();
  }

  private TenonPort open(UnaryOperator<TenonPort.Builder> how) {
    TenonPort opened =
        how.apply(
                TenonPort.builder(ServiceIdentity.development("order"))
                    .heartbeat(Duration.ofMillis(300))
                    .graceLimit(Duration.ofSeconds(2)))
            .open();
    opened.serve(source);
    addresses.set(opened.address());
    return opened;
  }

  private void reopen(UnaryOperator<TenonPort.Builder> how) {
    port.close();
    port = open(how);
  }

  private static int freePort() {
    try {
      return Ports.free(new SecureRandom());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static FeedRequest request(Position position) {
    return new FeedRequest(
        "order", "inventory", "orders", Set.of("order-placed"), new Slot(1, 4), position);
  }

  private FeedStream openFromBeginning() {
    return transport.open(request(new Position.Beginning()));
  }

  private static List<FeedMessage> read(FeedStream stream, int count) throws Exception {
    List<FeedMessage> messages = new ArrayList<>();
    while (messages.size() < count) {
      messages.addAll(stream.next(LONG).orElseThrow().messages());
    }
    return messages;
  }

  @Test
  void carriesTheLogInOrderAndInBatches() throws Exception {
    source.batchMessagesMax = 500;
    source.appendMany(2345, 100);

    try (FeedStream stream = openFromBeginning()) {
      FeedBatch first = stream.next(LONG).orElseThrow();
      assertThat(first.messages()).hasSize(500);
      assertThat(first.lag()).isEqualTo(1845);
      assertThat(first.end()).isEqualTo(FakeFeedSource.cursor(500));
      List<FeedMessage> rest = read(stream, 1845);
      assertThat(rest).extracting(message -> message.cursor().seq()).isSorted().hasSize(1845);
      assertThat(rest.getLast())
          .usingRecursiveComparison()
          .isEqualTo(FakeFeedSource.message(2345, 100));

      source.append(FakeFeedSource.message(2346, 1));
      assertThat(read(stream, 1)).hasSize(1);
    }
  }

  @Test
  void carriesEachPositionOfARequest() {
    Cursor whole = Cursor.endOf(2, FakeFeedSource.WINDOW);
    Cursor snapshot = new Cursor(3, FakeFeedSource.WINDOW, 0, Optional.of("users\nkey"));
    List<Position> positions =
        List.of(
            new Position.Beginning(),
            new Position.Now(),
            new Position.After(snapshot),
            new Position.AfterNewestKnown(List.of(snapshot, whole)));

    for (Position position : positions) {
      transport.open(request(position)).close();
    }

    assertThat(source.requests)
        .containsExactlyElementsOf(positions.stream().map(HttpFeedIT::request).toList());
  }

  @Test
  void saysNothingWhenThereIsNothing() throws Exception {
    try (FeedStream stream = openFromBeginning()) {
      assertThat(stream.next(SHORT)).isEmpty();
      assertThat(stream.next(Duration.ZERO)).isEmpty();
      // Longer than a silence that breaks a stream: heartbeats keep it.
      assertThat(stream.next(Duration.ofMillis(1200))).isEmpty();
      source.append(FakeFeedSource.message(1, 1));
      assertThat(read(stream, 1)).hasSize(1);
    }
  }

  @Test
  void waitsForABatchThatTakesLongerThanASilenceThatBreaksAStream() throws Exception {
    source.page = new CountDownLatch(1);
    source.appendMany(1, 10);
    try (FeedStream stream = openFromBeginning()) {
      assertThat(stream.next(Duration.ofMillis(1500))).isEmpty();

      source.page.countDown();

      assertThat(read(stream, 1)).hasSize(1);
    }
  }

  @Test
  void endsAStreamWhoseBatchTakesTooLong() throws Exception {
    reopen(builder -> builder.batchTimeMax(Duration.ofMillis(400)));
    source.page = new CountDownLatch(1);
    try (FeedStream stream = openFromBeginning()) {
      FeedException ended = catchThrowableOfType(FeedException.class, () -> stream.next(LONG));

      assertThat(ended.reason()).isEqualTo(Reason.UNREACHABLE);
      assertThat(ended).hasMessageContaining("the next piece took longer than");
    } finally {
      source.page.countDown();
    }
    await().until(() -> source.openStreams.get() == 0);
  }

  @Test
  void holdsThePublisherUpWhenNothingIsTaken() throws Exception {
    reopen(builder -> builder.heartbeat(LONG)); // large frames may take long here
    source.endless = true;
    try (FeedStream resting = openFromBeginning()) {
      // One frame ahead, one in the stream's window, one on its way to it.
      await().during(SHORT.multipliedBy(6)).until(() -> source.nexts.get() <= 4);

      assertThat(resting.next(LONG)).isPresent();
      await().during(SHORT.multipliedBy(6)).until(() -> source.nexts.get() <= 5);

      try (FeedStream lively = openFromBeginning()) {
        assertThat(read(lively, 20)).hasSize(20);
      }
    }
    await().until(() -> source.openStreams.get() == 0);
  }

  @Test
  void hasReadyWhatCameWhileTheReaderWasBusy() throws Exception {
    source.batchMessagesMax = 1;
    source.appendMany(5, 10);
    List<FeedMessage> messages = new ArrayList<>();
    try (FeedStream stream = openFromBeginning()) {
      assertThat(stream.next(LONG)).hasValueSatisfying(batch -> messages.addAll(batch.messages()));

      await()
          .until(
              () -> {
                stream.ready().ifPresent(batch -> messages.addAll(batch.messages()));
                return messages.size() == 5;
              });
      assertThat(stream.ready()).isEmpty();
    }
    assertThat(messages).extracting(message -> message.cursor().seq()).isSorted();
  }

  @Test
  void isReadOnAfterTheCursorWhenThePortCameBack() throws Exception {
    source.batchMessagesMax = 10;
    source.appendMany(100, 10);
    reopen(builder -> builder.port(freePort()));
    FeedStream before = openFromBeginning();
    List<FeedMessage> messages = new ArrayList<>(read(before, 30));
    int number = port.port();
    port.close();

    FeedException broken =
        catchThrowableOfType(FeedException.class, () -> messages.addAll(read(before, 1000)));
    assertThat(broken.reason()).isEqualTo(Reason.UNREACHABLE);
    assertThat(broken).hasMessageContaining("the publisher ended it");
    assertThatThrownBy(this::openFromBeginning)
        .isInstanceOf(FeedException.class)
        .hasMessageContainingAll("service=order", port.address());

    port = open(builder -> builder.port(number));
    try (FeedStream after =
        transport.open(request(new Position.After(messages.getLast().cursor())))) {
      messages.addAll(read(after, 100 - messages.size()));
    }
    assertThat(messages).extracting(message -> message.cursor().seq()).isSorted().hasSize(100);
  }

  @Test
  void unblocksItsReaderWhenClosedElsewhere() throws Exception {
    FeedStream stream = openFromBeginning();
    CompletableFuture<FeedException> seen = new CompletableFuture<>();
    Thread reader =
        Thread.startVirtualThread(
            () ->
                seen.complete(catchThrowableOfType(FeedException.class, () -> stream.next(LONG))));
    await().until(() -> reader.getState() == Thread.State.TIMED_WAITING);

    stream.close();

    assertThat(seen.get(5, TimeUnit.SECONDS).reason()).isEqualTo(Reason.CLOSED);
    await().until(() -> source.openStreams.get() == 0);
    assertThatThrownBy(() -> stream.next(SHORT)).isInstanceOf(FeedException.class);
  }

  @Test
  void closesTheSourcesStreamWhenTheReaderIsGone() {
    FeedStream unused = openFromBeginning();
    assertThat(source.openStreams).hasValue(1);

    transport.close();

    await().until(() -> source.openStreams.get() == 0);
  }

  @Test
  void takesSilenceForABrokenStream() throws Exception {
    try (ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.startVirtualThread(() -> SilentPublisher.serve(socket));
      addresses.set("127.0.0.1:" + socket.getLocalPort());
      FeedStream stream = openFromBeginning();

      FeedException broken = catchThrowableOfType(FeedException.class, () -> stream.next(LONG));

      assertThat(broken.reason()).isEqualTo(Reason.UNREACHABLE);
      assertThat(broken).hasMessageContaining("silent for 3 heartbeats");
    }
  }

  @Test
  void doesNotWaitForEverForAnAnswer() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      addresses.set("127.0.0.1:" + mute.getLocalPort());
      try (HttpFeedTransport hasty =
          HttpFeedTransport.builder(ServiceIdentity.development("inventory"), calls)
              .callTimeout(Duration.ofMillis(200))
              .build()) {
        assertThatThrownBy(() -> hasty.open(request(new Position.Now())))
            .isInstanceOf(FeedException.class)
            .hasMessageContaining("no answer within 200 ms");
        assertThatThrownBy(() -> hasty.report(report()))
            .isInstanceOf(FeedException.class)
            .hasMessageContaining("Could not reach a service");
      }
    }
  }

  @Test
  void isNotHeldUpByAnInstanceThatHangs() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + mute.getLocalPort();
      assertThatThrownBy(() -> transport.wake(address))
          .isInstanceOf(FeedException.class)
          .hasMessageContaining("no answer within 250 ms");

      assertThatThrownBy(() -> transport.wake(address))
          .isInstanceOf(FeedException.class)
          .hasMessageContaining("it has not answered the call before");
    }
  }

  @ParameterizedTest
  @EnumSource(value = Reason.class, names = "CLOSED", mode = Mode.EXCLUDE)
  void carriesTheReasonWhyAStreamWasNotOpenedOrEnded(Reason reason) throws Exception {
    source.failOpen = Optional.of(new FeedException(reason, "Could not open: because."));
    FeedException refused = catchThrowableOfType(FeedException.class, this::openFromBeginning);
    assertThat(refused.reason()).isEqualTo(reason);
    assertThat(refused).hasMessage("Could not open: because.");

    source.failOpen = Optional.empty();
    source.failNext = Optional.of(new FeedException(reason, "Could not go on: because."));
    try (FeedStream stream = openFromBeginning()) {
      FeedException ended = catchThrowableOfType(FeedException.class, () -> stream.next(LONG));
      assertThat(ended.reason()).isEqualTo(reason);
      assertThat(ended).hasMessage("Could not go on: because.");
    }
  }

  @Test
  void isUnreachableWhileThePublisherFails() throws Exception {
    source.failOpen = Optional.of(new IllegalStateException("secret"));

    FeedException refused = catchThrowableOfType(FeedException.class, this::openFromBeginning);

    assertThat(refused.reason()).isEqualTo(Reason.UNREACHABLE);
    assertThat(refused).hasMessageNotContaining("secret");
    assertThat(source.openStreams).hasValue(0);
  }

  @Test
  void triesTheNextAddressWhenOneDoesNotAnswer() throws Exception {
    int dead = freePort();
    addresses.set("127.0.0.1:" + dead, port.address());

    for (int i = 0; i < 4; i++) {
      openFromBeginning().close();
      transport.report(report());
    }

    assertThat(source.requests).hasSize(4);
    assertThat(source.reports).hasSize(4);
  }

  @Test
  void sharesWithCallsWhatItKnowsOfEndpoints() {
    String dead = "127.0.0.1:" + freePort();
    addresses.set(dead);
    assertThatThrownBy(this::openFromBeginning).isInstanceOf(FeedException.class);
    addresses.set(dead, port.address());

    for (int i = 0; i < 50; i++) {
      Call call =
          calls.begin(new Target("order", "find"), Call.Repeatable.ALWAYS, CallContext.EMPTY);
      assertThat(call.next())
          .isInstanceOfSatisfying(
              Step.Send.class,
              send -> assertThat(send.endpoint().address()).isEqualTo(port.address()));
      call.abandon();
    }
  }

  @Test
  void findsAPublisherThatIsBackWithoutWaitingForItsTimeOut() {
    int number = freePort();
    addresses.set("127.0.0.1:" + number);
    for (int i = 0; i < 20; i++) { // a time out of half a minute
      assertThatThrownBy(this::openFromBeginning)
          .isInstanceOf(FeedException.class)
          .hasMessageContaining("127.0.0.1:" + number);
    }

    TenonPort back = open(builder -> builder.port(number));

    openFromBeginning().close();
    back.close();
  }

  @Test
  void saysWhichServiceHasNoAddress() {
    addresses.set();

    assertThatThrownBy(this::openFromBeginning)
        .isInstanceOf(FeedException.class)
        .hasMessage(
            "Could not reach a service [service=order]: no address is known. Configure one.");
  }

  @Test
  void carriesReportsAndWakes() {
    transport.report(report());
    assertThat(source.reports).containsExactly(report());

    try (HttpFeedTransport own =
        HttpFeedTransport.builder(ServiceIdentity.development("order"), calls).build()) {
      own.wake(port.address());
      own.wake(port.address());
    }
    assertThat(source.wakes).hasValue(2);
    FeedException refused =
        catchThrowableOfType(FeedException.class, () -> transport.wake(port.address()));
    assertThat(refused.reason()).isEqualTo(Reason.FORBIDDEN);
    assertThat(source.wakes).hasValue(2);
    assertThatThrownBy(() -> transport.wake("nowhere"))
        .hasMessage("address: nowhere (expected: host:port)");
  }

  private static FeedReport report() {
    return new FeedReport(
        "order", "inventory", "orders", new Slot(3, 4), Cursor.endOf(9, FakeFeedSource.WINDOW));
  }

  @Test
  void limitsOpenStreams() {
    reopen(builder -> builder.streamsPerSubscriberMax(2));
    FeedStream first = openFromBeginning();
    FeedStream unused = openFromBeginning();

    assertThatThrownBy(this::openFromBeginning)
        .isInstanceOf(FeedException.class)
        .hasMessageContaining("too many streams are open: 2 of 4096, of inventory 2 of 2");

    first.close();
    await().ignoreExceptions().until(() -> openFromBeginning() != null);
  }

  @Test
  void answersThatItStartsUntilItServes() {
    port.close();
    port = TenonPort.builder(ServiceIdentity.development("order")).open();
    addresses.set(port.address());

    assertThatThrownBy(this::openFromBeginning).hasMessageContaining("it is starting");
    assertThatThrownBy(() -> port.serve(new FakeFeedSource("other")))
        .hasMessage("source: of service other (expected: of order)");

    port.serve(source);
    openFromBeginning().close();
  }

  @Test
  void doesNotWaitForAReaderThatRestsBeyondTheGraceLimit() throws Exception {
    reopen(builder -> builder.graceLimit(Duration.ofMillis(200)));
    source.endless = true;
    FeedStream resting = openFromBeginning();
    await().until(() -> source.nexts.get() >= 2);

    port.close(); // without a limit it would wait for ever: nobody reads on

    await().until(() -> source.openStreams.get() == 0);
    resting.close();
  }

  @Test
  void saysThatThePortIsInUse() {
    assertThatThrownBy(
            () -> TenonPort.builder(ServiceIdentity.development("user")).port(port.port()).open())
        .isInstanceOf(TransportException.class)
        .hasMessage(
            ("Could not open the Tenon port [port=%d, address=127.0.0.1, service=user]:"
                    + " already in use. Set another port, or stop the process that has it.")
                .formatted(port.port()));
  }
}
