package dev.tenon.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.Reserved;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Messaging;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Unary methods that are done once for a key, on a real database. */
class IdempotentGrpcIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Ports PORTS = new Ports();
  private static DataSource database;
  private static Messaging messaging;
  private static Shelf shelf;
  private static StockGrpc.StockBlockingStub stub;

  /** Takes from a shelf in its database. */
  private static final class Shelf extends StockGrpc.StockImplBase {
    private final Transactions transactions;
    private final AtomicInteger runs = new AtomicInteger();

    Shelf(Transactions transactions) {
      this.transactions = transactions;
    }

    @Override
    @Idempotent
    public void reserve(Item item, StreamObserver<Reserved> observer) {
      runs.incrementAndGet();
      transactions.run(
          unit -> {
            try (var statement =
                unit.connection().prepareStatement("insert into taken (name) values (?)")) {
              statement.setString(1, item.getName());
              statement.executeUpdate();
            } catch (SQLException e) {
              throw new IllegalStateException(e);
            }
          });
      if (item.getName().equals("away")) {
        throw new IllegalStateException(new SQLException("terminating connection", "57P01"));
      }
      if (item.getName().startsWith("sold-out")) {
        throw StatusMapping.exception(Problem.of(422, "sold-out", "There is none."));
      }
      if (item.getName().startsWith("flaky") && runs.get() % 2 == 1) {
        throw StatusMapping.exception(Problem.of(503, "busy", "Not now."));
      }
      observer.onNext(Reserved.newBuilder().setText(item.getName()).setCount(runs.get()).build());
      observer.onCompleted();
    }

    @Override
    @Idempotent(required = true)
    public void look(Item item, StreamObserver<Reserved> observer) {
      observer.onNext(Reserved.getDefaultInstance());
      if (!item.getName().equals("late")) {
        observer.onCompleted();
      }
    }
  }

  @BeforeAll
  static void open() throws SQLException {
    database = postgres.dataSource(postgres.freshDatabase("stock"));
    Transactions transactions = Transactions.of(ServiceDatabase.builder("stock", database).open());
    try (Connection connection = database.getConnection();
        var statement = connection.createStatement()) {
      statement.execute("create table taken (name text not null)");
    }
    messaging = Messaging.builder(transactions).build();
    shelf = new Shelf(transactions);
    var port =
        PORTS.port(
            GrpcPortService.builder().service(shelf).idempotent(messaging.receiver()).build());
    stub = StockGrpc.newBlockingStub(PORTS.channel(port.address()));
  }

  @AfterAll
  static void close() throws Exception {
    PORTS.close();
    messaging.close();
  }

  @Test
  void doesACallOnceAndGivesItsReplyAgain() throws Exception {
    String key = newKey();
    int before = shelf.runs.get();

    Reserved first = keyed(key).reserve(named("a"));
    var headers = new AtomicReference<Metadata>();
    Reserved second =
        keyed(key)
            .withInterceptors(
                MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>()))
            .reserve(named("a"));

    assertThat(second).isEqualTo(first);
    assertThat(shelf.runs).hasValue(before + 1);
    assertThat(taken("a")).isEqualTo(1);
    assertThat(
            headers
                .get()
                .get(Metadata.Key.of("idempotency-replayed", Metadata.ASCII_STRING_MARSHALLER)))
        .isEqualTo("true");
  }

  @Test
  void rollsARefusalBackAndGivesItAgain() throws Exception {
    String key = newKey();
    int before = shelf.runs.get();

    StatusRuntimeException first = failure(() -> keyed(key).reserve(named("sold-out")));
    StatusRuntimeException second = failure(() -> keyed(key).reserve(named("sold-out")));

    assertThat(first.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(StatusMapping.problem(second)).isEqualTo(StatusMapping.problem(first));
    assertThat(StatusMapping.problem(second).reason()).hasValue("sold-out");
    assertThat(shelf.runs).hasValue(before + 1);
    assertThat(taken("sold-out")).isZero();
  }

  @Test
  void runsAgainWhatFailedForNow() throws Exception {
    String name = "flaky-" + newKey();

    Reserved answer = keyed(newKey()).reserve(named(name)); // the client repeats it by itself

    assertThat(answer.getText()).isEqualTo(name);
    assertThat(taken(name)).isEqualTo(1);
  }

  @Test
  void refusesAKeyThatWasUsedForSomethingElse() {
    String key = newKey();
    keyed(key).reserve(named("b"));

    StatusRuntimeException failure = failure(() -> keyed(key).reserve(named("c")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(StatusMapping.problem(failure).status()).isEqualTo(422);
    assertThat(StatusMapping.problem(failure).reason()).hasValue("other-request");
  }

  @Test
  void refusesAKeyThatIsTooOldOrMalformedOrMissing() {
    StatusRuntimeException malformed = failure(() -> keyed("a,b").reserve(named("d")));
    StatusRuntimeException missing = failure(() -> stub.look(named("d")));

    assertThat(StatusMapping.problem(malformed).reason()).hasValue("key-malformed");
    Metadata when = new Metadata();
    when.put(Metadata.Key.of("tenon-key-time", Metadata.ASCII_STRING_MARSHALLER), "noon");
    StatusRuntimeException timeless =
        failure(
            () ->
                keyed(newKey())
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(when))
                    .reserve(named("d")));

    assertThat(StatusMapping.problem(timeless).detail()).startsWith("Tenon-Key-Time: unreadable");
    assertThat(StatusMapping.problem(missing).reason()).hasValue("key-missing");
    assertThat(missing.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void saysThatTheDatabaseIsAway() {
    StatusRuntimeException failure = failure(() -> stub.reserve(named("away")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(StatusMapping.problem(failure).reason()).hasValue("database-away");
  }

  @Test
  void needsTheAnswerBeforeTheHandlerReturns() {
    StatusRuntimeException failure = failure(() -> keyed(newKey()).look(named("late")));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
  }

  @Test
  void runsACallWithoutAKeyEachTime() throws Exception {
    stub.reserve(named("e"));
    stub.reserve(named("e"));

    assertThat(taken("e")).isEqualTo(2);
  }

  @Test
  void needsAReceiverAndNoStreams() {
    assertThatThrownBy(() -> GrpcPortService.of(shelf))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("tenon.test.Stock/");
    assertThatThrownBy(() -> GrpcPortService.builder().service(new MarkedStream()).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected: on a unary method");
  }

  private static final class MarkedStream extends StockGrpc.StockImplBase {
    @Override
    @Idempotent
    public void watch(Item item, StreamObserver<Reserved> observer) {
      observer.onCompleted();
    }
  }

  private static StockGrpc.StockBlockingStub keyed(String key) {
    return stub.withOption(GrpcCallOptions.IDEMPOTENCY_KEY, key);
  }

  private static Item named(String name) {
    return Item.newBuilder().setName(name).build();
  }

  private static String newKey() {
    return UUID.randomUUID().toString();
  }

  private static int taken(String name) throws SQLException {
    try (Connection connection = database.getConnection();
        var statement = connection.prepareStatement("select count(*) from taken where name = ?")) {
      statement.setString(1, name);
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        return rows.getInt(1);
      }
    }
  }

  private static StatusRuntimeException failure(ThrowingCallable call) {
    StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call);
    assertThat(failure).isNotNull();
    return failure;
  }
}
