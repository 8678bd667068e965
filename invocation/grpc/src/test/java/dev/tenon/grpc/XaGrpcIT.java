package dev.tenon.grpc;

import static dev.tenon.grpc.StockService.item;
import static dev.tenon.grpc.StockService.reserved;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.XaBranch;
import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.Reserved;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.messaging.Messaging;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import dev.tenon.transport.GlobalPortService;
import dev.tenon.transport.HttpGlobalTransport;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TenonPort;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** XA branches of a service that is called over gRPC. */
@Timeout(180)
class XaGrpcIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final BranchType<String> RESERVATION = BranchType.xa("reservation", String.class);
  private static final String NONE = "none";
  private static final String PREPARED =
      "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
  private static final String ROWS = "SELECT name FROM reserved ORDER BY name";

  private final Ports ports = new Ports();
  private Transactions database;
  private GlobalTransactions stock;
  private GlobalTransactions shop;
  private StockGrpc.StockBlockingStub stub;

  /** Writes a row for each reservation. */
  private final class Stock extends StockGrpc.StockImplBase {
    @Override
    @XaBranch
    public void reserve(Item item, StreamObserver<Reserved> observer) {
      execute("INSERT INTO reserved VALUES (?)", item.getName());
      stock.participant().open(RESERVATION, item.getName());
      if (item.getName().equals(NONE)) {
        observer.onError(Status.FAILED_PRECONDITION.asRuntimeException());
        return;
      }
      observer.onNext(reserved(item.getName()));
      observer.onCompleted();
    }
  }

  private void execute(String sql, String... parameters) {
    database.run(
        unit -> {
          try (PreparedStatement statement = unit.connection().prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) {
              statement.setString(i + 1, parameters[i]);
            }
            statement.execute();
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @BeforeEach
  void open() {
    database = database("stock");
    execute("CREATE TABLE reserved (name text)");
    Messaging messaging = Messaging.builder(database).build();
    ServiceClient toNobody = ports.client(CallPolicy.defaults());
    stock = global("stock", database, messaging, toNobody);
    TenonPort port =
        ports.starting(
            GrpcPortService.builder()
                .service(new Stock())
                .idempotent(messaging.receiver())
                .participant(stock.participant())
                .build());
    port.serve(List.of(GlobalPortService.of(stock.endpoint())));
    ServiceClient client =
        ports.client(CallPolicy.defaults().withTimeout(Ports.LONG), port.address());
    Transactions own = database("shop");
    shop = global("shop", own, Messaging.builder(own).build(), client);
    stock.start();
    shop.start();
    stub = StockGrpc.newBlockingStub(GrpcChannels.of(client).channel("stock"));
  }

  private static Transactions database(String service) {
    return Transactions.of(
        ServiceDatabase.builder(service, postgres.dataSource(postgres.freshDatabase(service)))
            .open());
  }

  private static GlobalTransactions global(
      String service, Transactions transactions, Messaging messaging, ServiceClient client) {
    return GlobalTransactions.builder(transactions, messaging)
        .transport(HttpGlobalTransport.of(client, service))
        .signer(ServiceIdentity.development(service).xidSigner())
        .branch(RESERVATION)
        .build();
  }

  @AfterEach
  void close() throws Exception {
    ports.close();
    shop.close();
    stock.close();
  }

  @Test
  void hidesWhatACallHasWrittenUntilTheTransactionIsCommitted() {
    shop.run(
        Ports.LONG,
        transaction -> {
          assertThat(stub.reserve(item("lamp"))).isEqualTo(reserved("lamp"));
          assertThat(column(ROWS)).isEmpty();
          assertThat(column(PREPARED)).hasSize(1);
        });

    ended("lamp");
  }

  @Test
  void rollsBackWhatACallHasWrittenWithTheTransaction() {
    assertThatThrownBy(
            () ->
                shop.run(
                    Ports.LONG,
                    transaction -> {
                      stub.reserve(item("lamp"));
                      throw new IllegalStateException("changed my mind");
                    }))
        .hasMessage("changed my mind");

    ended();
  }

  @Test
  void goesOnAfterARefusalOfWhichNothingIsPrepared() {
    shop.run(
        Ports.LONG,
        transaction -> {
          assertThatThrownBy(() -> stub.reserve(item(NONE)))
              .isInstanceOf(StatusRuntimeException.class);
          assertThat(column(PREPARED)).isEmpty();
          stub.reserve(item("pen"));
        });

    ended("pen");
  }

  private void ended(String... names) {
    await().atMost(Ports.LONG).untilAsserted(() -> assertThat(column(PREPARED)).isEmpty());
    assertThat(column(ROWS)).containsExactly(names);
  }

  private List<String> column(String sql) {
    return database.read(
        unit -> {
          try (PreparedStatement select = unit.connection().prepareStatement(sql);
              ResultSet row = select.executeQuery()) {
            List<String> values = new ArrayList<>();
            while (row.next()) {
              values.add(row.getString(1));
            }
            return values;
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }
}
