package dev.tenon.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ServiceProvisionerIT {
  private static final String PASSWORD = "correct 'horse\" battery";

  /** A server of its own: the names are fixed, and its log is looked into. */
  @RegisterExtension
  static final PostgresExtension postgres =
      PostgresExtension.dedicated(builder -> builder.setting("log_statement", "all"));

  private DataSource admin;
  private ServiceProvisioner provisioner;

  @BeforeEach
  void prepare() {
    admin = postgres.server().superuserDataSource("postgres");
    provisioner = ServiceProvisioner.of(admin);
  }

  private DataSource login(String database, String login, String password) {
    return Query.login(postgres.server().url(database), login, password);
  }

  @Test
  void refusesOneServicesLoginByAnothersData() throws SQLException {
    provisioner.provisionDatabase("order", "order_login", PASSWORD);
    provisioner.provisionDatabase("user-copy", "user-copy", PASSWORD + "!");
    DataSource order = login("order", "order_login", PASSWORD);
    DataSource copy = login("user-copy", "user-copy", PASSWORD + "!");
    assertThat(ServiceDatabase.builder("order", order).open().service()).isEqualTo("order");
    assertThat(ServiceDatabase.builder("user-copy", copy).open().service()).isEqualTo("user-copy");

    assertThatThrownBy(() -> login("user-copy", "order_login", PASSWORD).getConnection())
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("permission denied for database \"user-copy\"");
    assertThatThrownBy(() -> login("order", "user-copy", PASSWORD + "!").getConnection())
        .hasMessageContaining("permission denied for database \"order\"");
    assertThatThrownBy(
            () ->
                ServiceDatabase.builder("order", login("user-copy", "order_login", PASSWORD))
                    .open())
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("the login may not do it");
    assertThatThrownBy(() -> Query.execute(order, "SET ROLE \"user-copy\""))
        .hasMessageContaining("permission denied");
  }

  @Test
  void mayBeRepeatedAndSetsTheNewPassword() throws Exception {
    provisioner.provisionDatabase("repeated", "repeated", "old password");
    Query.execute(login("repeated", "repeated", "old password"), "CREATE TABLE kept (id int)");
    Query.execute(admin, "GRANT CONNECT ON DATABASE repeated TO PUBLIC");

    List<Callable<Boolean>> again = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      again.add(
          () -> {
            provisioner.provisionDatabase("repeated", "repeated", PASSWORD);
            return true;
          });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(again.size())) {
      for (Future<Boolean> done : threads.invokeAll(again)) {
        assertThat(done.get()).isTrue();
      }
    }

    assertThat(Query.column(login("repeated", "repeated", PASSWORD), "SELECT id FROM kept"))
        .isEmpty();
    assertThatThrownBy(() -> login("repeated", "repeated", "old password").getConnection())
        .hasMessageContaining("password authentication failed");
    assertThat(
            Query.column(
                admin, "SELECT has_database_privilege('public', 'repeated', 'CONNECT')::text"))
        .containsExactly("false");
  }

  @Test
  void refusesLoginsAndDatabasesThatAreSomebodyElses() {
    provisioner.provisionDatabase("mine", "mine", PASSWORD);

    assertThatThrownBy(() -> provisioner.provisionDatabase("yours", "mine", PASSWORD))
        .isInstanceOf(SchemaException.class)
        .hasMessage(
            "Could not provision the database [service=yours, login=mine]: the login owns database"
                + " mine. Give each service a login and a database of its own.");
    assertThatThrownBy(() -> provisioner.provisionDatabase("mine", "yours", PASSWORD))
        .hasMessageContaining("the database belongs to login mine");
    assertThatThrownBy(() -> provisioner.provisionDatabase("root", "postgres", PASSWORD))
        .hasMessageContaining("the login is a superuser");
  }

  @Test
  void refusesNamesThatCouldBeStatementsAndNeverShowsThePassword() throws IOException {
    assertThatThrownBy(() -> provisioner.provisionDatabase("a\"; DROP", "login", PASSWORD))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("service: a\"; DROP (expected: ");
    assertThatThrownBy(() -> provisioner.provisionDatabase("service", "LOGIN", PASSWORD))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> provisioner.provisionDatabase("service", "login", "paßwort-geheim"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("password: not shown (expected: 8..128 printable ASCII characters)");

    provisioner.provisionDatabase("quiet", "quiet", "not-in-any-log-4711");

    assertThat(Files.readString(postgres.server().logFile()))
        .contains("CREATE DATABASE quiet OWNER quiet")
        .doesNotContain("not-in-any-log-4711");
  }

  @Test
  void worksForAnAdministratorWhoIsNoSuperuser() throws SQLException {
    Query.execute(admin, "CREATE ROLE ops LOGIN CREATEDB CREATEROLE PASSWORD 'ops-password'");
    ServiceProvisioner ops = ServiceProvisioner.of(login("postgres", "ops", "ops-password"));

    ops.provisionDatabase("managed", "managed", PASSWORD);
    ops.provisionDatabase("managed", "managed", PASSWORD);

    assertThat(
            ServiceDatabase.builder("managed", login("managed", "managed", PASSWORD))
                .open()
                .service())
        .isEqualTo("managed");
    assertThatThrownBy(() -> login("managed", "ops", "ops-password").getConnection())
        .hasMessageContaining("permission denied for database \"managed\"");
  }

  @Test
  void refusesOneServicesLoginByAnothersSchemaInTheSameDatabase() throws SQLException {
    Query.execute(admin, "CREATE DATABASE monolith");
    Query.execute(admin, "REVOKE ALL ON DATABASE monolith FROM PUBLIC");
    DataSource monolith = postgres.server().superuserDataSource("monolith");
    Query.execute(monolith, "CREATE TABLE public.customer (name text)");
    ServiceProvisioner shared = ServiceProvisioner.of(monolith);
    assertThat(shared.provisionSchema("till-2", "till", PASSWORD)).isEqualTo("till_2_tenon");
    assertThat(shared.provisionSchema("shelf", "shelf", PASSWORD)).isEqualTo("shelf_tenon");
    DataSource till = login("monolith", "till", PASSWORD);
    DataSource shelf = login("monolith", "shelf", PASSWORD);
    openInSchema(till, "till-2", "till_2_tenon");
    openInSchema(shelf, "shelf", "shelf_tenon");

    assertThat(Query.column(till, "SELECT to_regclass('till_2.stock')::text"))
        .containsExactly("stock");
    assertThat(Query.column(monolith, "SELECT to_regclass('public.stock')")).containsOnlyNulls();
    assertThat(Query.column(monolith, "SELECT to_regnamespace('tenon')")).containsOnlyNulls();
    for (String table : List.of("shelf.stock", "shelf_tenon.identity", "public.customer")) {
      assertThatThrownBy(() -> Query.column(till, "SELECT * FROM " + table))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("permission denied for");
    }
    assertThatThrownBy(() -> Query.column(shelf, "SELECT * FROM till_2.stock"))
        .hasMessageContaining("permission denied for schema till_2");
    assertThatThrownBy(() -> Query.execute(till, "SET ROLE shelf"))
        .hasMessageContaining("permission denied");
    assertThatThrownBy(() -> openInSchema(till, "till-2", "shelf_tenon"))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("the login may not do it");
    assertThatThrownBy(() -> openInSchema(shelf, "till-2", "shelf_tenon"))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("it belongs to service shelf");
  }

  private static void openInSchema(DataSource dataSource, String service, String tenonSchema) {
    ServiceDatabase opened =
        ServiceDatabase.builder(service, dataSource)
            .tenonSchema(tenonSchema)
            .migrations("classpath:dev/tenon/schema/service")
            .open();
    assertThat(opened.tenonSchema()).isEqualTo(tenonSchema);
  }

  @Test
  void provisionsSchemasAgainForAnAdministratorWhoIsNoSuperuser() throws SQLException {
    Query.execute(admin, "CREATE ROLE splitter LOGIN CREATEROLE PASSWORD 'ops-password'");
    Query.execute(admin, "CREATE DATABASE splitting OWNER splitter");
    Query.execute(admin, "REVOKE ALL ON DATABASE splitting FROM PUBLIC");
    ServiceProvisioner ops = ServiceProvisioner.of(login("splitting", "splitter", "ops-password"));
    ops.provisionSchema("part", "part", "old password");
    openInSchema(login("splitting", "part", "old password"), "part", "part_tenon");

    ops.provisionSchema("part", "part", PASSWORD);

    openInSchema(login("splitting", "part", PASSWORD), "part", "part_tenon");
    assertThatThrownBy(
            () ->
                Query.column(
                    login("splitting", "splitter", "ops-password"), "SELECT * FROM part.stock"))
        .hasMessageContaining("permission denied for schema part");
    assertThatThrownBy(() -> ops.provisionSchema("other", "part", PASSWORD))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining("the login owns schema part");
    assertThatThrownBy(() -> ops.provisionSchema("part", "other", PASSWORD))
        .hasMessageContaining("schema part belongs to login part");
    assertThatThrownBy(() -> ops.provisionSchema("part-tenon", "other", PASSWORD))
        .hasMessageContaining("schema part_tenon belongs to login part");
    assertThatThrownBy(() -> ops.provisionSchema("monolith", "splitter", PASSWORD))
        .hasMessageContaining("the login owns database splitting");
    assertThatThrownBy(() -> ops.provisionSchema("a".repeat(58), "other", PASSWORD))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
