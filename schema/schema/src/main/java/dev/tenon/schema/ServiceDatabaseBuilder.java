package dev.tenon.schema;

import static java.util.Objects.requireNonNull;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;

/** Opens a database: dialect, Tenon's tables, ownership, the service's own tables. */
final class ServiceDatabaseBuilder implements ServiceDatabase.Builder {
  static final String NAME_RULE = "[a-z][a-z0-9-]{0,62}";
  private static final String SCHEMA_RULE = "[a-z][a-z0-9_]{0,62}";
  private static final int REASON_LINES_MAX = 4;
  private static final int FIRST_ATTEMPTS_MAX = 5;

  private final String service;
  private final DataSource dataSource;
  private final List<TenonTables.Step> steps;
  private List<String> locations = List.of();
  private String tenonSchema = "tenon";

  ServiceDatabaseBuilder(String service, DataSource dataSource) {
    this(service, dataSource, TenonTables.STEPS);
  }

  ServiceDatabaseBuilder(String service, DataSource dataSource, List<TenonTables.Step> steps) {
    this.service = requireNonNull(service, "service");
    this.dataSource = requireNonNull(dataSource, "dataSource");
    this.steps = steps;
    if (!service.matches(NAME_RULE)) {
      throw new IllegalArgumentException("service: " + service + " (expected: " + NAME_RULE + ")");
    }
  }

  @Override
  public ServiceDatabase.Builder migrations(String... values) {
    locations = List.copyOf(Arrays.asList(values));
    return this;
  }

  @Override
  public ServiceDatabase.Builder tenonSchema(String schema) {
    if (!requireNonNull(schema, "tenonSchema").matches(SCHEMA_RULE)) {
      throw new IllegalArgumentException(
          "tenonSchema: " + schema + " (expected: " + SCHEMA_RULE + ")");
    }
    tenonSchema = schema;
    return this;
  }

  @Override
  public ServiceDatabase open() {
    TenonTables tables = new TenonTables(steps, tenonSchema);
    try (Connection connection = dataSource.getConnection()) {
      checkKind(connection);
      boolean autoCommit = connection.getAutoCommit();
      connection.setAutoCommit(true);
      checkServer(connection);
      migrateTenon(connection, tables);
      claim(connection, tables);
      connection.setAutoCommit(autoCommit);
    } catch (SQLException e) {
      throw refused(e);
    }
    if (!locations.isEmpty()) {
      migrateService();
    }
    return new OpenServiceDatabase(service, dataSource, new PostgresDialect(), tenonSchema);
  }

  private void checkKind(Connection connection) throws SQLException {
    String product = connection.getMetaData().getDatabaseProductName();
    int major = connection.getMetaData().getDatabaseMajorVersion();
    if (!product.equals("PostgreSQL")) {
      throw failed("the database is " + product, "Use PostgreSQL 14 or newer.", null);
    }
    if (major < PostgresDialect.MAJOR_MIN) {
      throw failed("PostgreSQL is version " + major, "Use PostgreSQL 14 or newer.", null);
    }
  }

  private void checkServer(Connection connection) throws SQLException {
    try (var statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT pg_is_in_recovery()")) {
      row.next();
      if (row.getBoolean(1)) {
        throw failed("the server is a read-only standby", "Connect to the primary.", null);
      }
    }
    if (Pooler.breaksPreparedStatements(dataSource, connection)) {
      throw mixedUp(null);
    }
  }

  private SchemaException mixedUp(@Nullable SQLException cause) {
    return failed(
        "a pooler in transaction mode stands before PostgreSQL, and the driver keeps prepared"
            + " statements in connections that it does not own",
        "Add prepareThreshold=0 to the JDBC URL (or let PgBouncer 1.21 or newer keep them:"
            + " max_prepared_statements = 200).",
        cause);
  }

  private void migrateTenon(Connection connection, TenonTables tables) throws SQLException {
    TenonTables.Version known = tables.known();
    TenonTables.Version present = tables.present(connection).orElse(null);
    if (present != null && present.major() > known.major()) {
      throw failed(
          "Tenon's tables are of version " + present + " and this code knows " + known,
          "Upgrade Tenon in this service.",
          null);
    }
    if (present == null || present.compareTo(known) < 0) {
      tables.migrate(connection);
    }
  }

  /** Binds the schema to the service, so that a wrong address is found at once. */
  private void claim(Connection connection, TenonTables tables) throws SQLException {
    String owner = tables.owner(connection).orElse(null);
    if (owner == null) {
      tables.claim(connection, service);
      owner = tables.owner(connection).orElse(null);
    }
    if (!service.equals(owner)) {
      throw failed(
          "it belongs to service " + owner,
          "Give each service a database of its own, or schemas of its own in a shared one.",
          null);
    }
  }

  private void migrateService() {
    Flyway flyway =
        Flyway.configure()
            .dataSource(dataSource)
            .locations(locations.toArray(String[]::new))
            .baselineOnMigrate(true)
            .baselineVersion("1")
            .failOnMissingLocations(true)
            .loggers("slf4j")
            .load();
    for (int attempt = 1; ; attempt++) {
      boolean first = !hasHistory();
      try {
        flyway.migrate();
        return;
      } catch (FlywayException e) {
        // Until there is a history, instances that start at once get in each other's way.
        if (!first || attempt == FIRST_ATTEMPTS_MAX) {
          throw failed(
              "its migrations failed (" + reason(e) + ")",
              "Correct the migration; what it had done is rolled back.",
              e);
        }
      }
    }
  }

  private boolean hasHistory() {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT to_regclass('flyway_schema_history') IS NOT NULL")) {
      row.next();
      return row.getBoolean(1);
    } catch (SQLException e) {
      throw refused(e);
    }
  }

  private static String reason(FlywayException e) {
    String message = e.getMessage();
    return message == null
        ? e.toString()
        : message
            .lines()
            .map(String::strip)
            .filter(line -> line.matches(".*\\w.*"))
            .limit(REASON_LINES_MAX)
            .collect(Collectors.joining("; "));
  }

  /** Says which of the usual things is wrong; pools wrap what the server said. */
  private SchemaException refused(SQLException e) {
    SQLException root = e;
    while (root.getCause() instanceof SQLException cause) {
      root = cause;
    }
    String state = root.getSQLState() == null ? "" : root.getSQLState();
    String said = " (" + root.getMessage() + ")";
    if (Pooler.MIXED_UP.contains(state)) {
      return mixedUp(e);
    }
    if (state.startsWith("28")) {
      return failed("the login was refused" + said, "Check user and password.", e);
    }
    if (state.equals("3D000")) {
      return failed("the database does not exist" + said, "Provision it first.", e);
    }
    if (state.equals("42501")) {
      return failed(
          "the login may not do it" + said, "Give the service a login that owns its database.", e);
    }
    if (state.equals("53100")) {
      return failed("the database's disk is full" + said, "Make room on it.", e);
    }
    if (state.equals("53300")) {
      return failed(
          "the server has no connection left" + said,
          "Make pools smaller, or raise max_connections.",
          e);
    }
    if (state.startsWith("08") || state.startsWith("57P") || state.startsWith("53")) {
      return failed("no connection" + said, "Check that it runs, and its address.", e);
    }
    return failed("the database refused a statement" + said, "See the cause.", e);
  }

  private SchemaException failed(String reason, String advice, @Nullable Throwable cause) {
    String message =
        "Could not open the database [service=" + service + "]: " + reason + ". " + advice;
    return cause == null ? new SchemaException(message) : new SchemaException(message, cause);
  }
}
