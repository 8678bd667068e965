package dev.tenon.messaging;

import dev.tenon.runtime.Backoff;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;

/** A crash scenario of simulated services. */
abstract class SimulatedScenario implements Scenario, AutoCloseable {
  /** Long enough for every retry and delayed message. */
  static final Duration PASSING = Duration.ofSeconds(20);

  static final MessagingConfig CONFIG =
      MessagingConfig.defaults()
          .slots(2)
          .attemptsMax(2)
          .backoff(new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(1)));

  final SimulatedServices services;

  SimulatedScenario(PostgresExtension postgres) {
    services = new SimulatedServices(postgres);
  }

  @Override
  public void reset() throws SQLException {
    services.reset();
  }

  @Override
  public void close() {
    services.close();
  }

  static void write(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      statement.executeUpdate();
    }
  }
}
