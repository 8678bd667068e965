package dev.tenon.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.schema.TenonTables.Step;
import dev.tenon.schema.TenonTables.Version;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ServiceDatabaseIT {
  private static final int INSTANCES = 8;
  private static final String MIGRATIONS = "classpath:dev/tenon/schema/service";
  private static final List<Step> NEXT_MINOR =
      Stream.concat(
              TenonTables.STEPS.stream(),
              Stream.of(new Step(new Version(1, 99), "V1_99__test.sql")))
          .toList();

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private Database database;
  private DataSource dataSource;

  @BeforeEach
  void create() {
    database = postgres.freshDatabase("stock");
    dataSource = postgres.dataSource(database);
  }

  private ServiceDatabase open() {
    return ServiceDatabase.builder("stock", dataSource).migrations(MIGRATIONS).open();
  }

  private ServiceDatabase open(List<Step> steps) {
    return new ServiceDatabaseBuilder("stock", dataSource, steps).open();
  }

  @Test
  void opensAnEmptyDatabaseWithBothKindsOfTables() throws SQLException {
    ServiceDatabase opened = open();

    assertThat(opened.service()).isEqualTo("stock");
    assertThat(opened.dialect().name()).isEqualTo("postgresql");
    assertThat(Query.column(dataSource, "SELECT service FROM tenon.identity"))
        .containsExactly("stock");
    assertThat(Query.column(dataSource, "SELECT price FROM stock")).isEmpty();
    assertThat(open().service()).isEqualTo("stock");
  }

  private static List<String> known() {
    return TenonTables.STEPS.stream().map(step -> step.version().toString()).toList();
  }

  @Test
  void letsManyInstancesStartAtOnceOnAnEmptyDatabaseAndOnAMigratedOne() throws Exception {
    openAtOnce(INSTANCES);
    openAtOnce(INSTANCES);

    assertThat(Query.column(dataSource, "SELECT major || '.' || minor FROM tenon.tables_history"))
        .containsExactlyInAnyOrderElementsOf(known());
    assertThat(Query.column(dataSource, "SELECT count(*) FROM tenon.outbox_window"))
        .containsExactly("1");
    assertThat(
            Query.column(
                dataSource, "SELECT version FROM flyway_schema_history ORDER BY installed_rank"))
        .containsExactly("1", "2");
  }

  @Test
  void letsManyInstancesStartAtOnceOnADatabaseThatHasTables() throws Exception {
    Query.execute(dataSource, "CREATE TABLE stock (product text PRIMARY KEY, amount integer)");

    openAtOnce(INSTANCES / 2);

    assertThat(
            Query.column(
                dataSource, "SELECT version || ' ' || type FROM flyway_schema_history ORDER BY 1"))
        .containsExactly("1 BASELINE", "2 SQL");
  }

  private void openAtOnce(int instances) throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(instances);
    List<Callable<ServiceDatabase>> starts = new ArrayList<>();
    for (int i = 0; i < instances; i++) {
      starts.add(
          () -> {
            barrier.await();
            return ServiceDatabase.builder("stock", postgres.dataSource(database))
                .migrations(MIGRATIONS)
                .open();
          });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(instances)) {
      for (Future<ServiceDatabase> start : threads.invokeAll(starts)) {
        assertThat(start.get().service()).isEqualTo("stock");
      }
    }
  }

  @Test
  void takesADatabaseThatHasTablesAsVersionOne() throws SQLException {
    Query.execute(dataSource, "CREATE TABLE stock (product text PRIMARY KEY, amount integer)");
    Query.execute(dataSource, "INSERT INTO stock VALUES ('lamp', 7)");

    open();

    assertThat(Query.column(dataSource, "SELECT product || amount || price FROM stock"))
        .containsExactly("lamp70");
  }

  @Test
  void addsWhatANewerMinorVersionBringsAndLetsTheOlderCodeGoOn() throws SQLException {
    open(TenonTables.STEPS);
    open(NEXT_MINOR);
    open(TenonTables.STEPS);

    assertThat(Query.column(dataSource, "SELECT id FROM tenon.later")).isEmpty();
    assertThat(
            Query.column(
                dataSource, "SELECT major || '.' || minor FROM tenon.tables_history ORDER BY 1"))
        .containsAll(known())
        .hasSize(known().size() + 1)
        .contains("1.99");
  }

  @Test
  void refusesTablesOfANewerMajorVersion() throws SQLException {
    open();
    Query.execute(dataSource, "INSERT INTO tenon.tables_history (major, minor) VALUES (2, 3)");

    assertThatThrownBy(this::open)
        .isInstanceOf(SchemaException.class)
        .hasMessage(
            "Could not open the database [service=stock]: Tenon's tables are of version 2.3 and"
                + " this code knows "
                + known().getLast()
                + ". Upgrade Tenon in this service.");
  }

  @Test
  void refusesTheDatabaseOfAnotherService() {
    open();

    assertThatThrownBy(() -> ServiceDatabase.builder("order", dataSource).open())
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("it belongs to service stock");
  }

  @Test
  void keepsTwoServicesInOneDatabaseApartByTheirSchemas() throws SQLException {
    openIn("order", "order");
    openIn("stock", "select");
    openIn("stock", "select");

    assertThat(Query.column(dataSource, "SELECT service FROM \"order\".identity"))
        .containsExactly("order");
    assertThat(Query.column(dataSource, "SELECT service FROM \"select\".identity"))
        .containsExactly("stock");
    assertThat(Query.column(dataSource, "SELECT to_regnamespace('tenon')")).containsOnlyNulls();
    assertThatThrownBy(() -> openIn("stock", "order"))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("it belongs to service order");
    assertThatThrownBy(() -> openIn("stock", "a\"; DROP"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tenonSchema: a\"; DROP (expected: [a-z][a-z0-9_]{0,62})");
  }

  private void openIn(String service, String tenonSchema) {
    ServiceDatabase opened =
        ServiceDatabase.builder(service, dataSource).tenonSchema(tenonSchema).open();
    assertThat(opened.tenonSchema()).isEqualTo(tenonSchema);
  }

  @Test
  void saysWhatIsWrongWithLoginDatabaseAndServer() {
    String port = "//127.0.0.1:" + postgres.server().port() + "/";
    String unused = database.jdbcUrl().replace(port, "//127.0.0.1:1/");

    assertThatThrownBy(
            () -> openAs(Query.login(database.jdbcUrl(), database.user(), "wrong password")))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("the login was refused (FATAL: password authentication failed")
        .hasMessageEndingWith("Check user and password.")
        .hasMessageNotContaining("wrong password");
    assertThatThrownBy(
            () ->
                openAs(
                    Query.login(
                        database.jdbcUrl().replace("/" + database.name(), "/nowhere"),
                        database.user(),
                        database.password())))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("the database does not exist")
        .hasMessageEndingWith("Provision it first.");
    assertThatThrownBy(() -> openAs(Query.login(unused, database.user(), database.password())))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("no connection")
        .hasMessageEndingWith("Check that it runs, and its address.");
  }

  @Test
  void saysThatTheServerHasNoConnectionLeft() throws SQLException {
    Query.execute(superuser(), "ALTER DATABASE " + database.name() + " CONNECTION LIMIT 0");

    assertThatThrownBy(this::open)
        .isInstanceOf(SchemaException.class)
        .hasMessageStartingWith(
            "Could not open the database [service=stock]: the server has no connection left"
                + " (FATAL: too many connections for database")
        .hasMessageEndingWith("Make pools smaller, or raise max_connections.");
  }

  @Test
  void saysThatTheDiskOfTheDatabaseIsFull() throws SQLException {
    Query.execute(
        superuser(),
        "CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS"
            + " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$");
    Query.execute(
        superuser(),
        "CREATE EVENT TRIGGER full_disk ON ddl_command_start EXECUTE FUNCTION full_disk()");

    assertThatThrownBy(this::open)
        .isInstanceOf(SchemaException.class)
        .hasMessageStartingWith(
            "Could not open the database [service=stock]: the database's disk is full"
                + " (ERROR: could not extend file")
        .hasMessageEndingWith("Make room on it.");
  }

  private DataSource superuser() {
    return postgres.server().superuserDataSource(database.name());
  }

  private static ServiceDatabase openAs(DataSource login) {
    return ServiceDatabase.builder("stock", login).open();
  }

  @Test
  void saysWhichMigrationIsBrokenAndLeavesNothingOfIt() throws SQLException {
    assertThatThrownBy(
            () ->
                ServiceDatabase.builder("stock", dataSource)
                    .migrations("classpath:dev/tenon/schema/broken")
                    .open())
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("its migrations failed")
        .hasMessageContaining("V1__typo.sql");

    assertThat(Query.column(dataSource, "SELECT to_regclass('fine')")).containsOnlyNulls();
  }

  @Test
  void refusesOtherDatabasesAndPostgresThatIsTooOld() {
    assertThatThrownBy(() -> openAs(pretending("MySQL", 9)))
        .hasMessageContaining("the database is MySQL. Use PostgreSQL 14 or newer.");
    assertThatThrownBy(() -> openAs(pretending("PostgreSQL", 13)))
        .hasMessageContaining("PostgreSQL is version 13. Use PostgreSQL 14 or newer.");
    assertThatThrownBy(() -> ServiceDatabase.builder("No Good", dataSource))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("service: No Good (expected: [a-z][a-z0-9-]{0,62})");
  }

  private static DataSource pretending(String product, int major) {
    DatabaseMetaData metaData =
        fake(
            DatabaseMetaData.class,
            method -> method.equals("getDatabaseProductName") ? product : (Object) major);
    Connection connection =
        fake(Connection.class, method -> method.equals("getMetaData") ? metaData : null);
    return fake(DataSource.class, method -> connection);
  }

  private static <T> T fake(Class<T> type, java.util.function.Function<String, Object> answers) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> answers.apply(method.getName())));
  }

  @Test
  void refusesALoginThatMayNotReadTenonsTables() throws SQLException {
    open();
    DataSource superuser = superuser();
    Query.execute(superuser, "REVOKE CREATE ON DATABASE " + database.name() + " FROM PUBLIC");
    String reader = database.name() + "_reader";
    Query.execute(superuser, "CREATE ROLE " + reader + " LOGIN PASSWORD 'reader-password'");
    Query.execute(superuser, "GRANT CONNECT ON DATABASE " + database.name() + " TO " + reader);

    assertThatThrownBy(() -> openAs(Query.login(database.jdbcUrl(), reader, "reader-password")))
        .hasMessageContaining("the login may not do it (ERROR: permission denied");
  }
}
