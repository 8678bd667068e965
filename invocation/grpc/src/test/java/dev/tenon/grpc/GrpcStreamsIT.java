package dev.tenon.grpc;

import static dev.tenon.grpc.StockService.item;
import static dev.tenon.grpc.StockService.reserved;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.Reserved;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.transport.TenonPort;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Streams between real ports over real sockets. */
class GrpcStreamsIT {
  private static final int WRITERS = 20;

  private final Ports ports = new Ports();

  @AfterEach
  void close() throws Exception {
    ports.close();
  }

  @Test
  void takesAStreamFromTheServer() {
    var stub = StockGrpc.newBlockingStub(channel(StockService.echo()));

    List<Integer> counts = IntStream.range(0, 500).boxed().toList();
    var answers = stub.watch(Item.newBuilder().setName("x").setCount(500).build());

    assertThat(answers).toIterable().extracting(Reserved::getCount).isEqualTo(counts);
  }

  @Test
  void takesMoreThanAnAnswerMayHaveInAll() {
    String large = "z".repeat(1 << 20);
    var stub = StockGrpc.newBlockingStub(channel(new StockService(item -> reserved(large))));

    var answers = stub.watch(Item.newBuilder().setCount(12).build());

    assertThat(answers).toIterable().hasSize(12);
  }

  @Test
  void sendsAStreamToTheServer() throws Exception {
    var heard = new Heard();

    StreamObserver<Item> items = StockGrpc.newStub(channel(StockService.echo())).load(heard);
    for (int i = 0; i < 100; i++) {
      items.onNext(item("x"));
    }
    items.onCompleted();

    assertThat(heard.next()).isEqualTo(Reserved.newBuilder().setCount(100).build());
    assertThat(heard.next()).isEqualTo(Heard.END);
  }

  @Test
  void talksBothWays() throws Exception {
    var heard = new Heard();

    StreamObserver<Item> items = StockGrpc.newStub(channel(StockService.echo())).chat(heard);
    for (String word : List.of("one", "two", "three")) {
      items.onNext(item(word));
      assertThat(heard.next()).isEqualTo(reserved(word));
    }
    items.onCompleted();

    assertThat(heard.next()).isEqualTo(Heard.END);
  }

  @Test
  void handsTheContextOn() throws Exception {
    var service =
        new StockService(
            item -> {
              CallContext carried = CallContext.current();
              return reserved(
                  "%s %s %s"
                      .formatted(
                          carried.principal().orElse(""),
                          carried.deadline().isPresent(),
                          Thread.currentThread().isVirtual()));
            });
    var stub = StockGrpc.newStub(channel(service));
    var heard = new Heard();

    CallContext.EMPTY
        .withPrincipal("ann")
        .run(
            () -> {
              StreamObserver<Item> items = stub.chat(heard);
              items.onNext(item("x"));
              items.onCompleted();
            });

    assertThat(heard.next()).isEqualTo(reserved("ann true true"));
  }

  @Test
  void givesTheCalleesProblemAsATypedFailure() {
    Problem soldOut = Problem.of(409, "sold-out", "Sold out.");
    var service =
        new StockService(
            item -> {
              throw StatusMapping.exception(soldOut);
            });
    var stub = StockGrpc.newBlockingStub(channel(service));

    StatusRuntimeException failure =
        failure(() -> stub.watch(Item.newBuilder().setCount(1).build()).hasNext());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
    assertThat(CallFailures.of(failure))
        .get()
        .extracting(e -> ((RemoteProblemException) e).problem())
        .isEqualTo(soldOut);
  }

  @Test
  void saysThatNothingWasSentWhenNobodyIsThere() throws IOException {
    var stub = StockGrpc.newBlockingStub(ports.channel(Ports.unusedAddress()));

    StatusRuntimeException failure =
        failure(() -> stub.watch(Item.newBuilder().setCount(1).build()).hasNext());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(failure).hasCauseInstanceOf(NotSentException.class);
  }

  @Test
  void saysThatNothingWasSentAlsoToACallerWhoIsStillWriting() throws Exception {
    for (int i = 0; i < WRITERS; i++) {
      var heard = new Heard();

      StreamObserver<Item> items =
          StockGrpc.newStub(ports.channel(Ports.unusedAddress())).chat(heard);
      while (heard.isSilent()) {
        items.onNext(item("x"));
      }

      assertThat(heard.next())
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE))
          .asInstanceOf(InstanceOfAssertFactories.THROWABLE)
          .hasCauseInstanceOf(NotSentException.class);
    }
  }

  @Test
  void tellsTheHandlerWhenTheCallerGivesUp() throws Exception {
    var entered = new CountDownLatch(1);
    var given = new CountDownLatch(1);
    var stub = StockGrpc.newBlockingV2Stub(channel(new Silent(entered, given)));
    var call = stub.watch(item("x"));
    assertThat(entered.await(60, TimeUnit.SECONDS)).isTrue();

    call.cancel("enough", null);

    assertThat(given.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void endsWithTheDeadlineOnBothSides() throws Exception {
    var entered = new CountDownLatch(1);
    var given = new CountDownLatch(1);
    var stub = StockGrpc.newBlockingStub(channel(new Silent(entered, given)));

    StatusRuntimeException failure =
        failure(() -> stub.withDeadlineAfter(3, TimeUnit.SECONDS).watch(item("x")).hasNext());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(given.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void endsWithThePolicysTimeout() throws Exception {
    CountDownLatch latch = new CountDownLatch(1);
    TenonPort port = ports.port(new Silent(latch, new CountDownLatch(1)));
    CallPolicy hasty = CallPolicy.defaults().withTimeout(Duration.ofSeconds(1));
    var stub = StockGrpc.newBlockingStub(ports.channel(hasty, port.address()));

    StatusRuntimeException failure = failure(() -> stub.watch(item("x")).hasNext());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
  }

  @Test
  void tellsTheCallerWhenTheHandlerGivesUpMidway() throws Exception {
    var heard = new Heard();
    var service =
        new StockService(
            item -> {
              if (item.getName().equals("bad")) {
                throw new IllegalStateException("the secret");
              }
              return reserved(item.getName());
            });

    StreamObserver<Item> items = StockGrpc.newStub(channel(service)).chat(heard);
    items.onNext(item("good"));
    assertThat(heard.next()).isEqualTo(reserved("good"));
    items.onNext(item("bad"));

    assertThat(heard.next())
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            failure -> {
              assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
              assertThat(failure.getStatus().getDescription()).doesNotContain("secret");
            });
  }

  @Test
  void tellsWhatIsServedByReflection() throws Exception {
    var answers = new LinkedBlockingQueue<ServerReflectionResponse>();
    var stub = ServerReflectionGrpc.newStub(channel(StockService.echo()));

    StreamObserver<ServerReflectionRequest> questions =
        stub.serverReflectionInfo(
            new StreamObserver<>() {
              @Override
              public void onNext(ServerReflectionResponse answer) {
                answers.add(answer);
              }

              @Override
              public void onError(Throwable failure) {
                answers.add(ServerReflectionResponse.getDefaultInstance());
              }

              @Override
              public void onCompleted() {
                answers.add(ServerReflectionResponse.getDefaultInstance());
              }
            });
    questions.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    ServerReflectionResponse answer = answers.poll(60, TimeUnit.SECONDS);
    questions.onCompleted();

    assertThat(answer).isNotNull();
    assertThat(answer.getListServicesResponse().getServiceList())
        .extracting(ServiceResponse::getName)
        .contains("tenon.test.Stock", "grpc.health.v1.Health");
  }

  private Channel channel(StockGrpc.StockImplBase handler) {
    return ports.channel(ports.port(handler).address());
  }

  private static StatusRuntimeException failure(ThrowingCallable call) {
    StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call);
    assertThat(failure).isNotNull();
    return failure;
  }

  /** Sends nothing, and tells when the caller has gone. */
  private static final class Silent extends StockGrpc.StockImplBase {
    private final CountDownLatch entered;
    private final CountDownLatch given;

    Silent(CountDownLatch entered, CountDownLatch given) {
      this.entered = entered;
      this.given = given;
    }

    @Override
    public void watch(Item item, StreamObserver<Reserved> observer) {
      ((ServerCallStreamObserver<Reserved>) observer).setOnCancelHandler(given::countDown);
      entered.countDown();
    }
  }

  /** What came, in order: answers, a failure, the end. */
  private static final class Heard implements StreamObserver<Reserved> {
    static final String END = "end";
    private final BlockingQueue<Object> all = new LinkedBlockingQueue<>();

    @Override
    public void onNext(Reserved value) {
      all.add(value);
    }

    @Override
    public void onError(Throwable failure) {
      all.add(failure);
    }

    @Override
    public void onCompleted() {
      all.add(END);
    }

    boolean isSilent() {
      return all.isEmpty();
    }

    Object next() throws InterruptedException {
      Object next = all.poll(60, TimeUnit.SECONDS);
      assertThat(next).isNotNull();
      return next;
    }
  }
}
