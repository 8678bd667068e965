package dev.tenon.examples.quickstart.inventory;

import dev.tenon.global.AutomaticTables;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.boot.sql.init.dependency.DependsOnDatabaseInitialization;
import org.springframework.stereotype.Component;

/** Opts in the tables in which Tenon undoes what an AT branch has written, once. */
@Component
@DependsOnDatabaseInitialization
class AutomaticUndo {
  private static final List<String> TABLES = List.of("stock", "stock_movement");

  AutomaticUndo(DataSource dataSource) {
    AutomaticTables tables = AutomaticTables.of("tenon");
    if (tables.list(dataSource).size() < TABLES.size()) {
      tables.enable(dataSource, TABLES);
    }
  }
}
