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
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;

/** The databases of a crash scenario: they outlive every process, and have a clock of its own. */
final class CrashDatabases implements AutoCloseable {
  /** The clock, in SQL. */
  static final String CLOCK = "(SELECT now FROM public.clock)";

  /** How much a service's total is at first. */
  static final int UNITS = 100;

  private static final String PREPARED =
      "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";

  private final Map<String, Store> stores = new LinkedHashMap<>();
  private Instant now = Instant.EPOCH;
  private int lives;

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
              + " CREATE TABLE kept (number int PRIMARY KEY);"
              + " CREATE TABLE total (id int PRIMARY KEY, units int);"
              + " INSERT INTO total VALUES (1, "
              + UNITS
              + ");"
              + " GRANT ALL ON clock, moved, kept, total TO PUBLIC");
      stores.put(
          service, new Store(dataSource, superuser, opened.dialect(), PostgresReset.to(superuser)));
    }
  }

  /** A service's database, as one of its processes sees it. */
  ServiceDatabase opened(String service, UnaryOperator<DataSource> line) {
    Store store = store(service);
    return new Opened(service, line.apply(store.dataSource()), store.dialect(), "tenon");
  }

  /** Has triggers capture what is written to two of a service's tables, from now on. */
  void automatic(String service) {
    AutomaticTables.of("tenon").enable(store(service).superuser(), List.of("kept", "total"));
  }

  List<String> services() {
    return List.copyOf(stores.keySet());
  }

  void reset() throws SQLException {
    for (Store store : stores.values()) {
      rollBackPrepared(store);
      execute(store.superuser(), "DELETE FROM tenon.row_lock"); // or triggers refuse the rest
      store.start().restore();
    }
    now = Instant.parse("2026-01-01T00:00:00Z");
    lives = 0;
    pass(Duration.ZERO);
  }

  /** What a run that was given up has left. */
  private static void rollBackPrepared(Store store) throws SQLException {
    for (String gid : column(store, PREPARED)) {
      execute(store.superuser(), "ROLLBACK PREPARED '" + gid + "'");
    }
  }

  /** The time of all databases and processes. */
  Instant now() {
    return now;
  }

  /** Another number for each life of a process. */
  int nextLife() {
    return ++lives;
  }

  void pass(Duration time) throws SQLException {
    now = now.plus(time);
    for (Store store : stores.values()) {
      execute(store.superuser(), "UPDATE clock SET now = '" + now + "'");
    }
  }

  /** Branches that have not ended, those that are prepared too. */
  List<String> open(String service) throws SQLException {
    return column(
        service,
        "SELECT step || ' ' || state FROM tenon.branch"
            + " WHERE state NOT IN ('COMMITTED', 'ABORTED') UNION ALL "
            + PREPARED);
  }

  /** Decisions that not all participants have acknowledged. */
  List<String> unacknowledged() throws SQLException {
    return column(
        "order", "SELECT outcome FROM tenon.global_decision WHERE acknowledged_at IS NULL");
  }

  /** Sagas that have not ended. */
  List<String> openSagas() throws SQLException {
    return column(
        "order",
        "SELECT id || ' ' || state || coalesce(': ' || error, '') FROM tenon.saga"
            + " WHERE state NOT IN ('DONE', 'ABORTED') ORDER BY id");
  }

  /** The numbers that were tried once more than undone. */
  List<String> kept(String service) throws SQLException {
    return column(
        service,
        "SELECT number FROM moved GROUP BY number HAVING count(*) FILTER (WHERE what = 'try')"
            + " <> count(*) FILTER (WHERE what = 'undo') ORDER BY number");
  }

  /** Messages that were sent. */
  int sent(String service, String what) throws SQLException {
    return Integer.parseInt(
        column(
                service,
                "SELECT count(*) FROM tenon.outbox"
                    + " WHERE convert_from(payload, 'UTF8') = '\""
                    + what
                    + "\"'")
            .getFirst());
  }

  /** Does what survives a crash, and is no commit of a process. */
  void elsewhere(String service, String sql) throws SQLException {
    execute(store(service).superuser(), sql);
  }

  private static void execute(DataSource superuser, String sql) throws SQLException {
    try (Connection connection = superuser.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The first column of a query on a service's database, past all counting. */
  List<String> column(String service, String sql) throws SQLException {
    return column(store(service), sql);
  }

  private static List<String> column(Store store, String sql) throws SQLException {
    try (Connection connection = store.superuser().getConnection();
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
