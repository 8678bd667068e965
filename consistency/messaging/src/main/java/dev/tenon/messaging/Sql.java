package dev.tenon.messaging;

import dev.tenon.runtime.Json;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import javax.sql.DataSource;
import tools.jackson.core.type.TypeReference;

/** The few things that every statement here needs. */
final class Sql {
  private static final TypeReference<Map<String, String>> HEADERS = new TypeReference<>() {};
  private static final String NO_HEADERS = "{}";

  private Sql() {}

  /** Work with a connection. */
  @FunctionalInterface
  interface Work<T> {
    T apply(Connection connection) throws SQLException;
  }

  /** Runs work in a transaction of its own that is committed if it returns. */
  static <T> T transaction(DataSource dataSource, Work<T> work) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      connection.setAutoCommit(false);
      boolean done = false;
      try {
        T answer = work.apply(connection);
        connection.commit();
        done = true;
        return answer;
      } finally {
        if (!done) {
          rollback(connection);
        }
        connection.setAutoCommit(true);
      }
    }
  }

  private static void rollback(Connection connection) throws SQLException {
    if (!connection.isClosed()) {
      connection.rollback();
    }
  }

  static String headers(Map<String, String> headers) {
    return headers.isEmpty()
        ? NO_HEADERS
        : Json.mapper().writeValueAsString(new TreeMap<>(headers));
  }

  static Map<String, String> headers(String json) {
    return json.equals(NO_HEADERS) ? Map.of() : Json.mapper().readValue(json, HEADERS);
  }

  static OffsetDateTime time(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }

  static Instant instant(ResultSet row, String column) throws SQLException {
    return row.getObject(column, OffsetDateTime.class).toInstant();
  }

  /** Reads the columns that every table of messages has. */
  static Message message(ResultSet row) throws SQLException {
    return new Message(
        row.getObject("id", UUID.class),
        row.getString("topic"),
        Optional.ofNullable(row.getString("key")),
        row.getInt("version"),
        headers(row.getString("headers")),
        instant(row, "created_at"),
        row.getBytes("payload"));
  }
}
