package dev.tenon.grpc;

import static dev.tenon.grpc.StockService.item;
import static dev.tenon.grpc.StockService.reserved;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.Reserved;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.UnknownOutcomeException;
import dev.tenon.transport.TenonPort;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Unary calls between real ports over real sockets. */
class GrpcCallsIT {
  private final Ports ports = new Ports();

  @AfterEach
  void close() throws Exception {
    ports.close();
  }

  @Test
  void answersBlockingAsyncAndFutureStubs() throws Exception {
    Channel channel = ports.channel(ports.port(StockService.echo()).address());
    var asynchronous = new CompletableFuture<Reserved>();

    Reserved blocking = StockGrpc.newBlockingStub(channel).reserve(item("a"));
    Reserved blocking2 = StockGrpc.newBlockingV2Stub(channel).reserve(item("b"));
    Reserved future = StockGrpc.newFutureStub(channel).reserve(item("c")).get(60, TimeUnit.SECONDS);
    StockGrpc.newStub(channel).reserve(item("d"), completing(asynchronous));

    assertThat(blocking.getText()).isEqualTo("a");
    assertThat(blocking2.getText()).isEqualTo("b");
    assertThat(future.getText()).isEqualTo("c");
    assertThat(asynchronous.get(60, TimeUnit.SECONDS).getText()).isEqualTo("d");
  }

  @Test
  void runsHandlersOnVirtualThreadsInTheContextOfTheCall() throws Exception {
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  CallContext carried = CallContext.current();
                  return reserved(
                      "%s %s %s %s"
                          .formatted(
                              carried.principal().orElse(""),
                              carried.traceparent().orElse(""),
                              carried.deadline().isPresent(),
                              Thread.currentThread().isVirtual()));
                }));
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    CallContext context = CallContext.EMPTY.withPrincipal("ann").withTraceparent("00-1-2-01");
    Reserved answer = context.call(() -> stub.reserve(item("x")));

    assertThat(answer.getText()).isEqualTo("ann 00-1-2-01 true true");
  }

  @Test
  void sendsMetadataBothWays() {
    Metadata.Key<String> text = Metadata.Key.of("x-text", Metadata.ASCII_STRING_MARSHALLER);
    Metadata.Key<byte[]> bytes = Metadata.Key.of("x-bytes-bin", Metadata.BINARY_BYTE_MARSHALLER);
    var port =
        ports.port(
            GrpcPortService.builder()
                .service(StockService.echo())
                .intercept(new EchoingMetadata(text, bytes))
                .build());
    Metadata sent = new Metadata();
    sent.put(text, "one");
    sent.put(text, "two");
    sent.put(bytes, new byte[] {0, -1, 7});
    var headers = new AtomicReference<Metadata>();
    var trailers = new AtomicReference<Metadata>();

    StockGrpc.newBlockingStub(ports.channel(port.address()))
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(sent))
        .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(headers, trailers))
        .reserve(item("x"));

    assertThat(headers.get().getAll(text)).containsExactly("one", "two");
    assertThat(headers.get().get(bytes)).containsExactly(0, -1, 7);
  }

  @Test
  void givesTheCalleesProblemAsATypedFailure() {
    Problem soldOut =
        new Problem(
            409,
            "about:blank",
            "Conflict",
            "Sold out.",
            Map.of(Problem.REASON, "sold-out", "left", 3));
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  throw StatusMapping.exception(soldOut);
                }));
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    StatusRuntimeException plain = failure(() -> stub.reserve(item("x")));
    RemoteProblemException typed =
        catchThrowableOfType(
            RemoteProblemException.class, () -> CallFailures.typed(() -> stub.reserve(item("x"))));

    assertThat(plain.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
    assertThat(plain).hasCauseInstanceOf(RemoteProblemException.class);
    assertThat(typed.problem()).isEqualTo(soldOut);
    assertThat(typed.service()).isEqualTo("stock");
    assertThat(typed.operation()).isEqualTo("tenon.test.Stock/Reserve");
    assertThat(typed.attempts()).isEqualTo(1);
  }

  @Test
  void tellsNothingOfAnUnexpectedError() {
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  throw new IllegalStateException("the secret");
                }));
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(failure.getStatus().getDescription()).doesNotContain("secret");
    assertThat(String.valueOf(failure.getTrailers())).doesNotContain("secret");
    assertThat(StatusMapping.problem(failure).reason()).hasValue("internal");
  }

  @Test
  void doesNotPassAnotherServicesProblemOnAsItsOwn() {
    TenonPort behind =
        ports.port(
            new StockService(
                item -> {
                  throw StatusMapping.exception(Problem.of(404, "no-such-item", "No such item."));
                }));
    var inner = StockGrpc.newBlockingStub(ports.channel(behind.address()));
    TenonPort front = ports.port(new StockService(inner::reserve));
    var stub = StockGrpc.newBlockingStub(ports.channel(front.address()));

    StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(StatusMapping.problem(failure).reason()).hasValue("remote-problem");
    assertThat(StatusMapping.problem(failure).status()).isEqualTo(502);
  }

  @Test
  void goesToAnotherInstanceWhenOneIsNotThere() throws IOException {
    TenonPort port = ports.port(StockService.echo());
    var stub = StockGrpc.newBlockingStub(ports.channel(Ports.unusedAddress(), port.address()));

    for (int i = 0; i < 30; i++) {
      assertThat(stub.reserve(item("here")).getText()).isEqualTo("here");
    }
  }

  @Test
  void goesToAnotherInstanceWhenOneIsStopping() {
    TenonPort first = ports.port(new StockService(item -> reserved("first")));
    TenonPort second = ports.port(new StockService(item -> reserved("second")));
    var stub = StockGrpc.newBlockingStub(ports.channel(first.address(), second.address()));
    for (int i = 0; i < 20; i++) {
      assertThat(stub.reserve(item("x")).getText()).isIn("first", "second");
    }

    first.close();

    for (int i = 0; i < 30; i++) {
      assertThat(stub.reserve(item("x")).getText()).isEqualTo("second");
    }
  }

  @Test
  void goesToAnotherInstanceWhenOneIsStarting() {
    TenonPort serving = ports.port(new StockService(item -> reserved("serving")));
    TenonPort starting = ports.starting(GrpcPortService.of(StockService.echo()));
    var stub = StockGrpc.newBlockingStub(ports.channel(serving.address(), starting.address()));

    for (int i = 0; i < 30; i++) {
      assertThat(stub.reserve(item("x")).getText()).isEqualTo("serving");
    }
  }

  @Test
  void saysThatNothingWasSentWhenNobodyIsThere() throws IOException {
    var stub = StockGrpc.newBlockingStub(ports.channel(Ports.unusedAddress()));

    StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(failure).hasCauseInstanceOf(NotSentException.class);
  }

  @Test
  void repeatsOnlyWhatMayBeRepeated() {
    AtomicInteger asked = new AtomicInteger();
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  if (asked.incrementAndGet() % 3 != 0) {
                    throw StatusMapping.exception(Problem.of(503, "busy", "Busy."));
                  }
                  return reserved("at last");
                }));
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    assertThat(stub.look(item("x")).getText()).isEqualTo("at last");
    assertThat(
            stub.withOption(GrpcCallOptions.REPEATABLE, Repeatable.ALWAYS)
                .reserve(item("x"))
                .getText())
        .isEqualTo("at last");
    assertThat(stub.withOption(GrpcCallOptions.IDEMPOTENCY_KEY, "k-1").reserve(item("x")).getText())
        .isEqualTo("at last");
    int before = asked.get();
    StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(asked).hasValue(before + 1);
  }

  @Test
  void endsWithTheEarliestDeadlineAndTellsItToTheHandler() throws Exception {
    var left = new CompletableFuture<Duration>();
    CountDownLatch never = new CountDownLatch(1);
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  left.complete(
                      Duration.between(
                          Instant.now(), CallContext.current().deadline().orElseThrow()));
                  await(never);
                  return reserved("late");
                }));
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    StatusRuntimeException failure =
        failure(() -> stub.withDeadlineAfter(2, TimeUnit.SECONDS).reserve(item("x")));
    never.countDown();

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(failure.getCause()).isNotNull();
    assertThat(left.get(60, TimeUnit.SECONDS)).isLessThan(Duration.ofSeconds(3));
  }

  @Test
  void doesNotSendWhatIsTooLate() {
    TenonPort port = ports.port(StockService.echo());
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    StatusRuntimeException failure =
        failure(() -> stub.withDeadlineAfter(-1, TimeUnit.SECONDS).reserve(item("x")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(CallFailures.of(failure).orElseThrow().attempts()).isZero();
  }

  @Test
  void endsWithThePolicysTimeout() {
    CountDownLatch never = new CountDownLatch(1);
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  await(never);
                  return reserved("late");
                }));
    CallPolicy hasty = CallPolicy.defaults().withTimeout(Duration.ofMillis(700));
    var stub = StockGrpc.newBlockingStub(ports.channel(hasty, port.address()));

    StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));
    never.countDown();

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(CallFailures.of(failure)).containsInstanceOf(CallException.class);
  }

  @Test
  void tellsTheHandlerWhenTheCallerGivesUp() throws Exception {
    var entered = new CountDownLatch(1);
    var given = new CountDownLatch(1);
    TenonPort port =
        ports.port(
            new StockGrpc.StockImplBase() {
              @Override
              public void reserve(Item item, StreamObserver<Reserved> observer) {
                var call = (ServerCallStreamObserver<Reserved>) observer;
                call.setOnCancelHandler(given::countDown);
                entered.countDown();
              }
            });
    var future = StockGrpc.newFutureStub(ports.channel(port.address())).reserve(item("x"));
    assertThat(entered.await(60, TimeUnit.SECONDS)).isTrue();

    future.cancel(true);

    assertThat(given.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void refusesATooLargeRequestOnEitherSide() {
    TenonPort port =
        ports.port(
            GrpcPortService.builder()
                .service(StockService.echo())
                .requestMessageBytesMax(1000)
                .build());
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));
    Item large = Item.newBuilder().setBallast(ByteString.copyFrom(new byte[1001])).build();
    Item huge = Item.newBuilder().setBallast(ByteString.copyFrom(new byte[5 << 20])).build();

    StatusRuntimeException there = failure(() -> stub.reserve(large));
    StatusRuntimeException here = failure(() -> stub.reserve(huge));

    assertThat(there.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(there).hasCauseInstanceOf(RemoteProblemException.class);
    assertThat(here.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(here.getStatus().getDescription()).contains("expected: at most 4194304");
    assertThat(stub.reserve(item("x")).getText()).isEqualTo("x");
  }

  @Test
  void refusesATooLargeReplyOnEitherSide() {
    TenonPort port =
        ports.port(
            GrpcPortService.builder()
                .service(new StockService(item -> reserved("y".repeat(item.getCount()))))
                .replyMessageBytesMax(100_000)
                .build());
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    StatusRuntimeException there =
        failure(() -> stub.reserve(Item.newBuilder().setCount(200_000).build()));
    StatusRuntimeException here =
        failure(
            () ->
                stub.withMaxInboundMessageSize(500)
                    .reserve(Item.newBuilder().setCount(5000).build()));

    assertThat(there.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(here.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
  }

  @Test
  void tellsHealthFromWhenThePortServes() {
    TenonPort port = ports.starting(GrpcPortService.of(StockService.echo()));
    CallPolicy once = CallPolicy.defaults().withAttemptsMax(1);
    var health = HealthGrpc.newBlockingStub(ports.channel(once, port.address()));
    HealthCheckRequest all = HealthCheckRequest.getDefaultInstance();
    HealthCheckRequest one = all.toBuilder().setService("tenon.test.Stock").build();

    StatusRuntimeException starting = failure(() -> health.check(all));
    port.serve(List.of());
    StatusRuntimeException unknown =
        failure(() -> health.check(all.toBuilder().setService("no.Such").build()));

    assertThat(starting.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(health.check(all).getStatus()).isEqualTo(ServingStatus.SERVING);
    assertThat(health.check(one).getStatus()).isEqualTo(ServingStatus.SERVING);
    assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void saysThatAMethodIsNotThere() {
    TenonPort port = ports.port(GrpcPortService.of());
    var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

    StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));

    assertThat(failure.getStatus().getCode())
        .isIn(Status.Code.UNIMPLEMENTED, Status.Code.NOT_FOUND);
    assertThat(failure).hasCauseInstanceOf(RemoteProblemException.class);
  }

  @Test
  void letsTheCallsInsideEndWhenThePortStops() throws Exception {
    var inside = new CountDownLatch(1);
    var on = new CountDownLatch(1);
    TenonPort port =
        ports.port(
            new StockService(
                item -> {
                  inside.countDown();
                  await(on);
                  return reserved("done");
                }));
    var future = StockGrpc.newFutureStub(ports.channel(port.address())).reserve(item("x"));
    assertThat(inside.await(60, TimeUnit.SECONDS)).isTrue();

    CompletableFuture<Void> closing = CompletableFuture.runAsync(port::close);
    on.countDown();

    assertThat(future.get(60, TimeUnit.SECONDS).getText()).isEqualTo("done");
    closing.get(60, TimeUnit.SECONDS);
  }

  @Test
  void reportsAnUnknownOutcomeWhenTheConnectionBreaks() throws Exception {
    try (var socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      var breaking = CompletableFuture.runAsync(() -> BrokenServer.breakOffAfterRequest(socket));
      var stub = StockGrpc.newBlockingStub(ports.channel("127.0.0.1:" + socket.getLocalPort()));

      StatusRuntimeException failure = failure(() -> stub.reserve(item("x")));

      assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNKNOWN);
      assertThat(failure).hasCauseInstanceOf(UnknownOutcomeException.class);
      breaking.cancel(true);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await(60, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static StatusRuntimeException failure(ThrowingCallable call) {
    StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call);
    assertThat(failure).isNotNull();
    return failure;
  }

  private static StreamObserver<Reserved> completing(CompletableFuture<Reserved> future) {
    return new StreamObserver<>() {
      @Override
      public void onNext(Reserved value) {
        future.complete(value);
      }

      @Override
      public void onError(Throwable failure) {
        future.completeExceptionally(new ExecutionException(failure));
      }

      @Override
      public void onCompleted() {
        assertThat(future).isDone();
      }
    };
  }
}
