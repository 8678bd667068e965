package dev.tenon.grpc;

import static dev.tenon.grpc.StockService.item;
import static dev.tenon.grpc.StockService.reserved;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Listing;
import dev.tenon.global.Participant;
import dev.tenon.global.Xid;
import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.Reserved;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.Idempotent;
import dev.tenon.messaging.Messaging;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import dev.tenon.transport.HttpGlobalTransport;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What gRPC carries of distributed transactions, and what it refuses, on real databases. */
@Timeout(180)
class GlobalGrpcIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final BranchType<String> RESERVATION =
      BranchType.saga("reservation", String.class, (name, unit) -> {});

  private static final Ports PORTS = new Ports();
  private static final List<String> DONE = new CopyOnWriteArrayList<>();
  private static final List<GlobalTransactions> GLOBAL = new CopyOnWriteArrayList<>();
  private static GlobalTransactions shop;
  private static StockGrpc.StockBlockingStub stub;
  private static StockGrpc.StockStub streams;

  /** Keeps a branch for each reservation, and notes everything that reaches it. */
  private static final class Stock extends StockGrpc.StockImplBase {
    private final StockService echo =
        new StockService(
            item -> {
              DONE.add(item.getName());
              return reserved(item.getName());
            });
    private final Participant participant;

    Stock(Participant participant) {
      this.participant = participant;
    }

    @Override
    @Idempotent
    public void reserve(Item item, StreamObserver<Reserved> observer) {
      participant.open(RESERVATION, item.getName());
      echo.reserve(item, observer);
    }

    @Override
    public void watch(Item item, StreamObserver<Reserved> observer) {
      echo.watch(item, observer);
    }

    @Override
    public StreamObserver<Item> load(StreamObserver<Reserved> observer) {
      DONE.add("load");
      return echo.load(observer);
    }

    @Override
    public StreamObserver<Item> chat(StreamObserver<Reserved> observer) {
      DONE.add("chat");
      return echo.chat(observer);
    }
  }

  @BeforeAll
  static void open() {
    ServiceClient toNobody = PORTS.client(CallPolicy.defaults());
    Transactions database = database("stock");
    Messaging messaging = Messaging.builder(database).build();
    GlobalTransactions stock = global("stock", database, messaging, toNobody);
    var port =
        PORTS.port(
            GrpcPortService.builder()
                .service(new Stock(stock.participant()))
                .idempotent(messaging.receiver())
                .participant(stock.participant())
                .build());
    ServiceClient client =
        PORTS.client(CallPolicy.defaults().withTimeout(Ports.LONG), port.address());
    Transactions own = database("shop");
    shop = global("shop", own, Messaging.builder(own).build(), client);
    Channel channel = GrpcChannels.of(client).channel("stock");
    stub = StockGrpc.newBlockingStub(channel);
    streams = StockGrpc.newStub(channel);
  }

  private static Transactions database(String service) {
    return Transactions.of(
        ServiceDatabase.builder(service, postgres.dataSource(postgres.freshDatabase(service)))
            .open());
  }

  private static GlobalTransactions global(
      String service, Transactions transactions, Messaging messaging, ServiceClient client) {
    GlobalTransactions global =
        GlobalTransactions.builder(transactions, messaging)
            .transport(HttpGlobalTransport.of(client, service))
            .signer(ServiceIdentity.development(service).xidSigner())
            .branch(RESERVATION)
            .build();
    GLOBAL.add(global);
    return global;
  }

  @AfterAll
  static void close() throws Exception {
    PORTS.close();
    GLOBAL.forEach(GlobalTransactions::close);
  }

  @BeforeEach
  void clear() {
    DONE.clear();
  }

  @Test
  void refusesToOpenAStreamUnderATransactionAndSendsNothing() {
    shop.run(
        Ports.LONG,
        transaction -> {
          assertThat(stub.reserve(item("lamp"))).isEqualTo(reserved("lamp"));
          assertThatThrownBy(() -> streams.load(new Last<>())).satisfies(GlobalGrpcIT::saysWhy);
          assertThatThrownBy(() -> streams.chat(new Last<>())).satisfies(GlobalGrpcIT::saysWhy);
          assertThatThrownBy(() -> stub.watch(item("pen"))).satisfies(GlobalGrpcIT::saysWhy);
        });

    assertThat(DONE).containsExactly("lamp");
  }

  private static void saysWhy(Throwable refused) {
    assertThat(refused)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Could not open a stream under a distributed transaction")
        .hasMessageContaining("Open it before or after the transaction.");
  }

  @Test
  void aServiceThatTakesPartRefusesTheStreamsOfCallersInAnyLanguage() throws Exception {
    Metadata under = under(Instant.now());
    StockGrpc.StockStub foreign =
        streams.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(under));
    Last<Reserved> loaded = new Last<>();
    Last<Reserved> chatted = new Last<>();
    Last<Reserved> watched = new Last<>();

    foreign.load(loaded).onCompleted();
    foreign.chat(chatted).onCompleted();
    foreign.watch(Item.newBuilder().setName("pen").setCount(1).build(), watched);

    for (Last<Reserved> each : List.of(loaded, chatted, watched)) {
      assertThat(each.failure().getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(StatusMapping.problem(each.failure()).reason())
          .contains("stream-under-transaction");
    }
    assertThat(DONE).isEmpty();
  }

  @Test
  void refusesACallThatComesAfterTheDeadline() {
    Metadata late = under(Instant.now().minusSeconds(600));

    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(late))
                    .reserve(item("lamp")));

    assertThat(StatusMapping.problem(refused).reason()).contains("transaction-too-late");
    assertThat(
            Optional.ofNullable(refused.getTrailers())
                .map(trailers -> trailers.get(key(Listing.HEADER))))
        .contains("none");
    assertThat(DONE).isEmpty();
  }

  /** What says that a call comes under a transaction of a minute. */
  private static Metadata under(Instant start) {
    Xid xid = new Xid("shop", "1f", start, start.plusSeconds(60), UUID.randomUUID());
    Metadata metadata = new Metadata();
    metadata.put(key("tenon-xid"), xid.text() + ".");
    metadata.put(key("tenon-step"), "1");
    return metadata;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Waits for the end of a stream. */
  private static final class Last<T> implements StreamObserver<T> {
    private final CompletableFuture<T> end = new CompletableFuture<>();

    @Override
    public void onNext(T value) {
      end.complete(value);
    }

    @Override
    public void onError(Throwable failure) {
      end.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      end.completeExceptionally(new IllegalStateException("it has ended well"));
    }

    StatusRuntimeException failure() throws Exception {
      ExecutionException failed =
          catchThrowableOfType(
              ExecutionException.class, () -> end.get(Ports.LONG.toSeconds(), TimeUnit.SECONDS));
      assertThat(failed).hasCauseInstanceOf(StatusRuntimeException.class);
      return (StatusRuntimeException) failed.getCause();
    }
  }
}
