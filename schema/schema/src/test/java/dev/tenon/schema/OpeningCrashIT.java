package dev.tenon.schema;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(CrashExplorerExtension.class)
class OpeningCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void opensADatabaseThatAnotherLeftHalfMade(CrashExplorer explorer) {
    DataSource database = postgres.dataSource(postgres.freshDatabase("stock"));

    Exploration exploration = explorer.explore(new Opening(database)).requireNoViolations();

    assertThat(exploration.commits()).isGreaterThan(1);
  }

  /**
   * Tenon's own tables. (Flyway commits a service's own migration and then its row in the history:
   * between the two nothing here can help.)
   */
  private record Opening(DataSource database) implements Scenario {
    @Override
    public void reset() throws SQLException {
      Query.execute(database, "DROP SCHEMA IF EXISTS tenon CASCADE");
      Query.execute(database, "DROP OWNED BY CURRENT_USER");
    }

    @Override
    public void run(World world) {
      ServiceDatabase.builder("stock", world.dataSource("stock", database)).open();
    }

    @Override
    public void recover(World world) {
      run(world);
    }

    @Override
    public void check() throws SQLException {
      assertThat(Query.column(database, "SELECT service FROM tenon.identity"))
          .containsExactly("stock");
      assertThat(Query.column(database, "SELECT n FROM tenon.outbox_window")).containsExactly("0");
    }
  }
}
