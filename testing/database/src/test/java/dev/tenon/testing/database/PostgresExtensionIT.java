package dev.tenon.testing.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import javax.sql.DataSource;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(PostgresExtension.class)
class PostgresExtensionIT {

  @Test
  void resolvesOneDatabaseForTheClass(PostgresServer server, Database database, DataSource source)
      throws SQLException {
    assertThat(Sql.ask(source, "SELECT current_database()")).isEqualTo(database.name());
    assertThat(server.running()).isTrue();
  }

  @Nested
  class InANestedClass {

    @Test
    void sharesTheServer(PostgresServer server, Database database) {
      assertThat(database.jdbcUrl()).isEqualTo(server.url(database.name()));
    }
  }

  @Nested
  @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
  class WithADedicatedServer {

    @RegisterExtension
    static final PostgresExtension own =
        PostgresExtension.dedicated(builder -> builder.setting("work_mem", "5MB"));

    @Test
    @Order(1)
    void mayKillIt() throws SQLException {
      DataSource orders = own.dataSource(own.freshDatabase("order"));
      assertThat(Sql.ask(orders, "SHOW work_mem")).isEqualTo("5MB");

      own.server().kill();
    }

    @Test
    @Order(2)
    void findsItAgainAfterAKill() {
      assertThat(own.server().running()).isTrue();
    }
  }
}
