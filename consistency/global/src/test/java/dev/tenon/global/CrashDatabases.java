package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.schema.Dialect;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.crash.PostgresReset;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;

/** The databases of a crash scenario: they outlive every process, and have a clock of its own. */
final class CrashDatabases implements AutoCloseable {
  /** The clock, in SQL. */
  static final String CLOCK = "(SELECT now FROM public.clock)";

  private final Map<String, Store> stores = new LinkedHashMap<>();

  private record Store(
      DataSource dataSource, HikariDataSource superuser, Dialect dialect, PostgresReset start) {}

  private record Opened(String service, DataSource dataSource, Dialect dialect, String tenonSchema)
      implements ServiceDatabase {}

  CrashDatabases(PostgresExtension postgres, List<String> services) throws SQLException {
    for (String service : services) {
      Database database = postgres.freshDatabase(service);
      DataSource dataSource = postgres.dataSource(database);
      ServiceDatabase opened = ServiceDatabase.builder(service, dataSource).open();
      HikariDataSource superuser = new HikariDataSource();
      superuser.setDataSource(postgres.server().superuserDataSource(database.name()));
      superuser.setMaximumPoolSize(2);
      execute(
          superuser,
          "CREATE TABLE clock (now timestamptz); INSERT INTO clock VALUES ('epoch');"
              + " CREATE TABLE moved (what text, number int);"
              + " GRANT ALL ON clock, moved TO PUBLIC");
      stores.put(
          service, new Store(dataSource, superuser, opened.dialect(), PostgresReset.to(superuser)));
    }
  }

  Set<String> services() {
    return stores.keySet();
  }

  /** A service's database, as one of its processes sees it. */
  ServiceDatabase opened(String service, UnaryOperator<DataSource> line) {
    Store store = store(service);
    return new Opened(service, line.apply(store.dataSource()), store.dialect(), "tenon");
  }

  void reset() throws SQLException {
    for (Store store : stores.values()) {
      store.start().restore();
    }
  }

  void clock(Instant now) throws SQLException {
    for (Store store : stores.values()) {
      execute(store.superuser(), "UPDATE clock SET now = '" + now + "'");
    }
  }

  private static void execute(DataSource superuser, String sql) throws SQLException {
    try (Connection connection = superuser.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The first column of a query on a service's database, past all counting. */
  List<String> column(String service, String sql) throws SQLException {
    try (Connection connection = store(service).superuser().getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      List<String> values = new ArrayList<>();
      while (row.next()) {
        values.add(row.getString(1));
      }
      return values;
    }
  }

  private Store store(String service) {
    return requireNonNull(stores.get(service));
  }

  @Override
  public void close() {
    stores.values().forEach(store -> store.superuser().close());
  }
}
