package dev.tenon.messaging;

import dev.tenon.runtime.Json;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
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

  /**
   * The same data source, handing out connections on which each statement commits by itself, also
   * where the pool was told otherwise. A process that is paused then holds no lock of Tenon's.
   */
  static DataSource autoCommitting(DataSource origin) {
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          try {
            Object answer = method.invoke(origin, arguments);
            if (answer instanceof Connection connection && !connection.getAutoCommit()) {
              connection.setAutoCommit(true);
            }
            return answer;
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return (DataSource)
        Proxy.newProxyInstance(
            Sql.class.getClassLoader(), new Class<?>[] {DataSource.class}, handler);
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
