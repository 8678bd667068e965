package dev.tenon.messaging;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.transaction.Transactions;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A service of a test: its database, its units of work, and its messaging. */
final class TestService implements AutoCloseable {
  final HikariDataSource pool;
  final Transactions transactions;
  final Messaging messaging;

  TestService(String name, Database database, UnaryOperator<Messaging.Builder> configuration) {
    this(name, database, "tenon", config -> {}, configuration);
  }

  TestService(
      String name,
      Database database,
      String tenonSchema,
      UnaryOperator<Messaging.Builder> configuration) {
    this(name, database, tenonSchema, config -> {}, configuration);
  }

  TestService(
      String name,
      Database database,
      Consumer<HikariConfig> pooling,
      UnaryOperator<Messaging.Builder> configuration) {
    this(name, database, "tenon", pooling, configuration);
  }

  private TestService(
      String name,
      Database database,
      String tenonSchema,
      Consumer<HikariConfig> pooling,
      UnaryOperator<Messaging.Builder> configuration) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(16);
    config.setConnectionTimeout(3_000);
    pooling.accept(config);
    pool = new HikariDataSource(config);
    transactions =
        Transactions.of(ServiceDatabase.builder(name, pool).tenonSchema(tenonSchema).open());
    messaging = configuration.apply(Messaging.builder(transactions)).build();
  }

  void execute(String sql) {
    transactions.call(
        unit -> {
          try (var statement = unit.connection().createStatement()) {
            return statement.execute(sql);
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  List<String> column(String sql) {
    return transactions.read(
        unit -> {
          try (var statement = unit.connection().createStatement();
              ResultSet row = statement.executeQuery(sql)) {
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

  @Override
  public void close() {
    messaging.close();
    pool.close();
  }
}
