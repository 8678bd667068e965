package dev.tenon.rest;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.Target;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transport.CallRequest;
import dev.tenon.transport.GlobalPortService;
import dev.tenon.transport.HttpGlobalTransport;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TenonPort;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javax.sql.DataSource;

/** A service of a test, with its own database and port, that keeps a diary of what it does. */
final class GlobalService implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  final String name;
  final Transactions transactions;
  final Messaging messaging;
  final TenonPort port;
  private final ServiceIdentity identity;
  ServiceClient client;
  GlobalTransactions global;

  GlobalService(PostgresExtension postgres, ServiceIdentity identity) {
    this.identity = identity;
    name = identity.service();
    DataSource database = postgres.dataSource(postgres.freshDatabase(name));
    transactions = Transactions.of(ServiceDatabase.builder(name, database).open());
    transactions.run(unit -> execute(unit, "CREATE TABLE diary (id serial, entry text)"));
    messaging = Messaging.builder(transactions).build();
    port = TenonPort.builder(identity).open();
  }

  /** Begins to answer, and to call the others. */
  void start(
      Map<String, List<String>> addresses,
      List<BranchType<?>> types,
      Function<GlobalService, List<PortService>> services) {
    client =
        ServiceClient.builder(
                identity,
                Calls.builder(EndpointSource.of(addresses))
                    .policy(CallPolicy.defaults().withTimeout(LIMIT))
                    .build())
            .build();
    HttpGlobalTransport transport = HttpGlobalTransport.of(client, name);
    GlobalTransactions.Builder builder =
        GlobalTransactions.builder(transactions, messaging)
            .transport(transport)
            .signer(identity.xidSigner());
    types.forEach(builder::branch);
    global = builder.build();
    transport.answerSelf(global.endpoint());
    List<PortService> all = new ArrayList<>(services.apply(this));
    all.add(GlobalPortService.of(global.endpoint()));
    port.serve(all);
    global.start();
  }

  <T> T client(String service, Class<T> api) {
    return RestClients.of(client, IdGenerator.system()).client(service, api);
  }

  /** Asks another service for a path, with headers as they are given: name, value, and so on. */
  int status(String service, String path, String... headers) {
    RequestHeadersBuilder request = RequestHeaders.builder(HttpMethod.GET, path);
    for (int i = 0; i < headers.length; i += 2) {
      request.set(headers[i], headers[i + 1]);
    }
    return client
        .call(
            CallRequest.of(
                new Target(service, path), Repeatable.NEVER, request.build(), HttpData.empty()))
        .join()
        .response()
        .status()
        .code();
  }

  /** Writes down what is done, within the unit of work that does it. */
  void note(String entry) {
    transactions.run(unit -> note(unit, entry));
  }

  static void note(UnitOfWork unit, String entry) {
    try (PreparedStatement insert =
        unit.connection().prepareStatement("INSERT INTO diary (entry) VALUES (?)")) {
      insert.setString(1, entry);
      insert.executeUpdate();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  List<String> diary() {
    return column("SELECT entry FROM diary ORDER BY id");
  }

  List<String> column(String sql) {
    return transactions.read(
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

  private static void execute(UnitOfWork unit, String sql) {
    try (PreparedStatement statement = unit.connection().prepareStatement(sql)) {
      statement.execute();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    port.close();
    global.close();
    messaging.close();
    client.close();
  }
}
