package dev.tenon.global;

import dev.tenon.global.AutomaticTable.Key;
import dev.tenon.global.AutomaticTable.Role;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads the keys of a table, as expressions over a row. */
final class AutomaticKeys {
  /** Columns of unique indexes; those of expressions are computed from the row. */
  private static final String OWN =
      """
      SELECT x.indexrelid::bigint AS place, x.indisprimary,
        EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conindid = x.indexrelid
          AND k.confrelid = x.indrelid) AS referred,
        CASE WHEN a.attname IS NOT NULL THEN format('$row.%I', a.attname)
          ELSE format('(SELECT %s FROM (SELECT $row.*) AS one)',
            pg_get_indexdef(x.indexrelid, n.n, true)) END AS part,
        format_type(i.atttypid, NULL) AS type,
        pg_get_expr(x.indpred, x.indrelid) AS condition,
        coalesce((to_jsonb(x)->>'indnullsnotdistinct')::boolean, false) AS with_nulls
      FROM pg_index x
        CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS n(n)
        JOIN pg_attribute i ON i.attrelid = x.indexrelid AND i.attnum = n.n
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[n.n - 1]
          AND a.attnum > 0
      WHERE x.indrelid = ?::oid AND x.indisunique AND x.indisvalid AND NOT x.indisexclusion
      ORDER BY NOT x.indisprimary, x.indexrelid, n.n
      """;

  /** Columns that refer to a key, in the order of that key's index. */
  private static final String REFERENCES =
      """
      SELECT k.oid::bigint AS constraint, k.conindid::bigint AS place,
        format('$row.%I::%s', a.attname, format_type(p.atttypid, NULL)) AS part,
        format_type(p.atttypid, NULL) AS type
      FROM pg_constraint k
        JOIN pg_index x ON x.indexrelid = k.conindid
        CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS n(n)
        JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = x.indkey[n.n - 1]
        JOIN pg_attribute a ON a.attrelid = k.conrelid
          AND a.attnum = k.conkey[array_position(k.confkey, p.attnum)]
      WHERE k.conrelid = ?::oid AND k.contype = 'f' AND k.conparentid = 0
      ORDER BY k.oid, n.n
      """;

  private AutomaticKeys() {}

  static List<Key> read(Connection connection, long oid) throws SQLException {
    List<Key> keys = new ArrayList<>();
    String path = setting(connection, "SELECT current_setting('search_path')", "");
    try {
      // Types and functions are then named with their schemas, as the trigger needs them.
      String unused =
          setting(connection, "SELECT set_config('search_path', ?, true)", "pg_catalog");
      keys.addAll(own(connection, oid));
      keys.addAll(references(connection, oid));
    } finally {
      String unused = setting(connection, "SELECT set_config('search_path', ?, true)", path);
    }
    return keys;
  }

  private static String setting(Connection connection, String sql, String value)
      throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql)) {
      if (sql.contains("?")) {
        select.setString(1, value);
      }
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getString(1);
      }
    }
  }

  /** What is gathered of a key. */
  private record Gathered(
      boolean primary, boolean referred, List<String> parts, String condition, boolean withNulls) {
    String where() {
      String known = withNulls ? "true" : "num_nulls(" + String.join(", ", parts) + ") = 0";
      return condition.isEmpty()
          ? known
          : "(SELECT " + condition + " FROM (SELECT $row.*) AS one) AND " + known;
    }
  }

  private static List<Key> own(Connection connection, long oid) throws SQLException {
    Map<Long, Gathered> found = new LinkedHashMap<>();
    Map<Long, List<String>> types = new LinkedHashMap<>();
    try (PreparedStatement select = connection.prepareStatement(OWN)) {
      select.setLong(1, oid);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          long place = row.getLong("place");
          Gathered key =
              new Gathered(
                  row.getBoolean("indisprimary"),
                  row.getBoolean("referred"),
                  new ArrayList<>(),
                  Optional.ofNullable(row.getString("condition")).orElse(""),
                  row.getBoolean("with_nulls"));
          found.computeIfAbsent(place, any -> key).parts().add(row.getString("part"));
          types.computeIfAbsent(place, any -> new ArrayList<>()).add(row.getString("type"));
        }
      }
    }
    List<Key> keys = new ArrayList<>();
    for (Map.Entry<Long, Gathered> one : found.entrySet()) {
      Gathered key = one.getValue();
      List<String> parts =
          hashable(connection, key.parts(), types.getOrDefault(one.getKey(), List.of()));
      Optional<String> where = Optional.of(key.where());
      keys.add(new Key(key.primary() ? Role.PRIMARY : Role.UNIQUE, one.getKey(), parts, where));
      if (key.referred()) {
        keys.add(new Key(Role.REFERRED, one.getKey(), parts, where));
      }
    }
    return keys;
  }

  private static List<Key> references(Connection connection, long oid) throws SQLException {
    Map<Long, List<String>> parts = new LinkedHashMap<>();
    Map<Long, List<String>> types = new LinkedHashMap<>();
    Map<Long, Long> places = new LinkedHashMap<>();
    try (PreparedStatement select = connection.prepareStatement(REFERENCES)) {
      select.setLong(1, oid);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          long constraint = row.getLong("constraint");
          places.put(constraint, row.getLong("place"));
          parts.computeIfAbsent(constraint, any -> new ArrayList<>()).add(row.getString("part"));
          types.computeIfAbsent(constraint, any -> new ArrayList<>()).add(row.getString("type"));
        }
      }
    }
    List<Key> keys = new ArrayList<>();
    for (Map.Entry<Long, Long> one : places.entrySet()) {
      List<String> found = parts.getOrDefault(one.getKey(), List.of());
      keys.add(
          new Key(
              Role.REFERENCE,
              one.getValue(),
              hashable(connection, found, types.getOrDefault(one.getKey(), List.of())),
              Optional.of("num_nulls(" + String.join(", ", found) + ") = 0")));
    }
    return keys;
  }

  /** Equal values have one hash; of the few types that have none, the text is taken. */
  private static List<String> hashable(
      Connection connection, List<String> parts, List<String> types) throws SQLException {
    List<String> result = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      Savepoint savepoint = connection.setSavepoint();
      try (var statement = connection.createStatement()) {
        statement.execute("SELECT hash_record_extended(ROW(NULL::" + types.get(i) + "), 0)");
        connection.releaseSavepoint(savepoint);
        result.add(parts.get(i));
      } catch (SQLException e) {
        connection.rollback(savepoint);
        if (!"42883".equals(e.getSQLState())) {
          throw e;
        }
        result.add("(" + parts.get(i) + ")::text");
      }
    }
    return result;
  }
}
