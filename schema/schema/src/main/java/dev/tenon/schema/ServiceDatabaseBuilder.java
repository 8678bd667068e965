package dev.tenon.schema;

import static java.util.Objects.requireNonNull;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.MigrationVersion;
import org.jspecify.annotations.Nullable;

/** Opens a database: dialect, Tenon's tables, the service's own tables, ownership. */
final class ServiceDatabaseBuilder implements ServiceDatabase.Builder {
  private static final String NAME_RULE = "[a-z][a-z0-9-]{0,62}";
  private static final String TENON_SCHEMA = "tenon";

  /** The newest major version of Tenon's tables that this code works with. */
  private static final int TABLES_MAJOR = 1;

  private final String service;
  private final DataSource dataSource;
  private List<String> locations = List.of();

  ServiceDatabaseBuilder(String service, DataSource dataSource) {
    this.service = requireNonNull(service, "service");
    this.dataSource = requireNonNull(dataSource, "dataSource");
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
  public ServiceDatabase open() {
    Dialect dialect = connect();
    migrateTenon(dialect);
    claim();
    if (!locations.isEmpty()) {
      migrateService();
    }
    return new OpenServiceDatabase(service, dataSource, dialect);
  }

  private Dialect connect() {
    try (Connection connection = dataSource.getConnection()) {
      String product = connection.getMetaData().getDatabaseProductName();
      int major = connection.getMetaData().getDatabaseMajorVersion();
      if (!product.equals("PostgreSQL")) {
        throw failed("the database is " + product, "Use PostgreSQL 14 or newer.", null);
      }
      if (major < PostgresDialect.MAJOR_MIN) {
        throw failed("PostgreSQL is version " + major, "Use PostgreSQL 14 or newer.", null);
      }
      createSchema(connection);
      return new PostgresDialect();
    } catch (SQLException e) {
      throw unreachable(e);
    }
  }

  private SchemaException unreachable(SQLException e) {
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    if (state.startsWith("28")) {
      return failed(
          "the login was refused (" + e.getMessage() + ")", "Check user and password.", e);
    }
    if (state.equals("3D000")) {
      return failed(
          "the database does not exist (" + e.getMessage() + ")", "Provision it first.", e);
    }
    return failed(
        "no connection (" + e.getMessage() + ")", "Check that it runs, and its address.", e);
  }

  /** Creates the schema in a transaction of its own: two instances may come at once. */
  private static void createSchema(Connection connection) throws SQLException {
    boolean autoCommit = connection.getAutoCommit();
    connection.setAutoCommit(false);
    try (var statement = connection.createStatement()) {
      statement.execute("SELECT pg_advisory_xact_lock(hashtext('tenon.schema'))");
      try (ResultSet found =
          statement.executeQuery("SELECT 1 FROM pg_namespace WHERE nspname = 'tenon'")) {
        if (!found.next()) {
          statement.execute("CREATE SCHEMA tenon");
        }
      }
      connection.commit();
    } catch (SQLException e) {
      connection.rollback();
      throw e;
    } finally {
      connection.setAutoCommit(autoCommit);
    }
  }

  private void migrateTenon(Dialect dialect) {
    Flyway flyway =
        Flyway.configure(ServiceDatabaseBuilder.class.getClassLoader())
            .dataSource(dataSource)
            .schemas(TENON_SCHEMA)
            .createSchemas(false)
            .table("schema_history")
            .locations("classpath:dev/tenon/schema/" + dialect.name())
            .validateMigrationNaming(true)
            .loggers("slf4j")
            .load();
    try {
      refuseNewer(flyway);
      flyway.migrate();
    } catch (FlywayException e) {
      throw failed("Tenon's tables could not be migrated (" + firstLine(e) + ")", "See cause.", e);
    }
  }

  private void refuseNewer(Flyway flyway) {
    for (MigrationInfo applied : flyway.info().applied()) {
      MigrationVersion version = applied.getVersion();
      if (version != null && version.getMajor().intValue() > TABLES_MAJOR) {
        throw failed(
            "Tenon's tables are of version " + version + " and this code knows " + TABLES_MAJOR,
            "Upgrade Tenon in this service.",
            null);
      }
    }
  }

  /** Binds the database to the service, so that a wrong address is found at once. */
  private void claim() {
    try (Connection connection = dataSource.getConnection()) {
      connection.setAutoCommit(true);
      try (PreparedStatement insert =
          connection.prepareStatement(
              "INSERT INTO tenon.identity (service) VALUES (?) ON CONFLICT DO NOTHING")) {
        insert.setString(1, service);
        insert.executeUpdate();
      }
      try (PreparedStatement select =
              connection.prepareStatement("SELECT service FROM tenon.identity");
          ResultSet row = select.executeQuery()) {
        row.next();
        String owner = row.getString(1);
        if (!owner.equals(service)) {
          throw failed(
              "it belongs to service " + owner, "Give each service a database of its own.", null);
        }
      }
    } catch (SQLException e) {
      throw unreachable(e);
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
    try {
      flyway.migrate();
    } catch (FlywayException e) {
      throw failed("its migrations failed (" + firstLine(e) + ")", "See cause.", e);
    }
  }

  private static String firstLine(FlywayException e) {
    String message = e.getMessage();
    return message == null ? e.toString() : message.lines().findFirst().orElse("");
  }

  private SchemaException failed(String reason, String advice, @Nullable Throwable cause) {
    String message =
        "Could not open the database [service=" + service + "]: " + reason + ". " + advice;
    return cause == null ? new SchemaException(message) : new SchemaException(message, cause);
  }
}
