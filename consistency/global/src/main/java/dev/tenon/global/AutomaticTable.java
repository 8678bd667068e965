package dev.tenon.global;

import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A table as the catalogs describe it, and the trigger function that follows from its keys.
 *
 * @param oid of the table, the root if it is partitioned
 * @param name quoted, with its schema
 */
record AutomaticTable(long oid, String name, List<Key> keys) {
  private static final String UNDO = "tenon_at.undo";

  /** What a key is to the table. */
  enum Role {
    PRIMARY,
    UNIQUE,
    /** Of another table, or this one, that rows of this one refer to. */
    REFERENCE,
    /** Of this table, and rows of some table refer to it. */
    REFERRED
  }

  /**
   * A key.
   *
   * @param place the unique index
   * @param parts expressions for its columns, in which {@code $row} stands for the row
   * @param condition for which rows it exists
   */
  record Key(Role role, long place, List<String> parts, Optional<String> condition) {}

  /** Reads a table. */
  static AutomaticTable read(Connection connection, String name) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c"
                + " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(?)")) {
      select.setString(1, name);
      try (ResultSet row = select.executeQuery()) {
        if (!row.next()) {
          throw new AutomaticTableException(
              "Could not find the table " + name + ". Name it with its schema.", null);
        }
        long oid = row.getLong("oid");
        return new AutomaticTable(oid, row.getString("name"), AutomaticKeys.read(connection, oid));
      }
    }
  }

  /** Refuses what cannot be undone exactly; tables in {@code also} are opted in with this one. */
  void check(Connection connection, Set<Long> also) throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(AutomaticRules.SQL)) {
      select.setLong(1, oid);
      select.setArray(2, connection.createArrayOf("bigint", also.toArray()));
      select.setString(3, "%" + UNDO + "%");
      try (ResultSet row = select.executeQuery()) {
        if (row.next()) {
          throw new AutomaticTableException(
              "Could not opt in the table "
                  + name
                  + ": "
                  + row.getString("reason")
                  + ". "
                  + row.getString("advice")
                  + ".",
              null);
        }
      }
    }
  }

  private String function() {
    return "tenon.at_" + oid;
  }

  /** How triggers were found. */
  enum Found {
    FITTING,
    MADE,
    /**
     * They are of other keys, and locks of open branches go by these: they are left as they are.
     */
    HELD
  }

  /**
   * Makes the function and the triggers, unless they fit: then nothing waits for who writes the
   * table. Of instances that start together one makes them.
   */
  Found installWhereNeeded(Connection connection, TenonTables tables) throws SQLException {
    if (isCurrent(connection, tables)) {
      return Found.FITTING;
    }
    tables.execute(connection, "SELECT pg_advisory_xact_lock(hashtext('tenon.at'))");
    if (isCurrent(connection, tables)) {
      return Found.FITTING;
    }
    execute(connection, "LOCK TABLE " + name + " IN SHARE ROW EXCLUSIVE MODE");
    if (isOfOtherKeys(connection, tables) && isChanged(connection, tables)) {
      return Found.HELD;
    }
    install(connection, tables);
    return Found.MADE;
  }

  private boolean isOfOtherKeys(Connection connection, TenonTables tables) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT prosrc FROM pg_proc WHERE oid = to_regproc(?)")) {
      select.setString(1, tables.sql(function()));
      try (ResultSet row = select.executeQuery()) {
        return row.next() && !tables.sql(body()).equals(row.getString(1));
      }
    }
  }

  /** Whether a branch is open that has changed it. */
  private boolean isChanged(Connection connection, TenonTables tables) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT EXISTS (SELECT FROM tenon.row_image WHERE rel = ANY (?::regclass[]))")) {
      select.setArray(1, connection.createArrayOf("text", withPartitions(connection).toArray()));
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  /** What is said of a table that has to wait for the end of branches. */
  AutomaticTableException held(String verb) {
    return new AutomaticTableException(
        "Could not "
            + verb
            + " the table "
            + name
            + ": a distributed transaction that has changed it is open. Wait for its end, or"
            + " look at ./tenon transactions.",
        null);
  }

  /** Makes the function and the triggers, or makes them anew. */
  private void install(Connection connection, TenonTables tables) throws SQLException {
    tables.execute(connection, source());
    List<String> all = withPartitions(connection);
    for (String one : all) {
      execute(
          connection, "DROP TRIGGER IF EXISTS " + AutomaticTables.TRUNCATE_TRIGGER + " ON " + one);
      tables.execute(
          connection,
          "CREATE TRIGGER "
              + AutomaticTables.TRUNCATE_TRIGGER
              + " BEFORE TRUNCATE ON "
              + one
              + " FOR EACH STATEMENT EXECUTE FUNCTION tenon.at_truncate()");
      always(connection, one, AutomaticTables.TRUNCATE_TRIGGER);
    }
    execute(connection, "DROP TRIGGER IF EXISTS " + AutomaticTables.TRIGGER + " ON " + name);
    tables.execute(
        connection,
        "CREATE TRIGGER "
            + AutomaticTables.TRIGGER
            + " AFTER INSERT OR UPDATE OR DELETE ON "
            + name
            + " FOR EACH ROW EXECUTE FUNCTION "
            + function()
            + "()");
    for (String one : all) {
      always(connection, one, AutomaticTables.TRIGGER);
    }
  }

  private static void always(Connection connection, String table, String trigger)
      throws SQLException {
    execute(connection, "ALTER TABLE " + table + " ENABLE ALWAYS TRIGGER " + trigger);
  }

  /** Whether the function and the triggers are what {@link #install} would make. */
  private boolean isCurrent(Connection connection, TenonTables tables) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "WITH tree AS (SELECT ?::oid AS oid"
                + " UNION SELECT relid FROM pg_partition_tree(?::oid::regclass))"
                + " SELECT (SELECT p.prosrc FROM pg_proc p WHERE p.oid = to_regproc(?)) AS source,"
                + " (SELECT count(*) FROM tree) AS tables,"
                + " (SELECT count(*) FROM pg_trigger t JOIN tree ON tree.oid = t.tgrelid"
                + " WHERE t.tgname IN (?, ?) AND t.tgenabled = 'A') AS on_them")) {
      select.setLong(1, oid);
      select.setLong(2, oid);
      select.setString(3, tables.sql(function()));
      select.setString(4, AutomaticTables.TRIGGER);
      select.setString(5, AutomaticTables.TRUNCATE_TRIGGER);
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return tables.sql(body()).equals(row.getString("source"))
            && row.getLong("on_them") == 2 * row.getLong("tables");
      }
    }
  }

  /** Drops the triggers and the function. */
  void remove(Connection connection, TenonTables tables) throws SQLException {
    List<String> all = withPartitions(connection);
    execute(connection, "LOCK TABLE " + name + " IN SHARE ROW EXCLUSIVE MODE");
    if (isChanged(connection, tables)) {
      throw held("opt out");
    }
    execute(connection, "DROP TRIGGER IF EXISTS " + AutomaticTables.TRIGGER + " ON " + name);
    for (String one : all) {
      execute(
          connection, "DROP TRIGGER IF EXISTS " + AutomaticTables.TRUNCATE_TRIGGER + " ON " + one);
    }
    tables.execute(connection, "DROP FUNCTION IF EXISTS " + function() + "()");
  }

  /** The table, and all of its partitions. */
  private List<String> withPartitions(Connection connection) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c"
                + " JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE c.oid = ?::oid OR c.oid IN"
                + " (SELECT relid FROM pg_partition_tree(?::oid::regclass)) ORDER BY c.oid")) {
      select.setLong(1, oid);
      select.setLong(2, oid);
      try (ResultSet row = select.executeQuery()) {
        List<String> names = new ArrayList<>();
        while (row.next()) {
          names.add(row.getString(1));
        }
        return names;
      }
    }
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The function, for schema tenon. What it writes as text is the same whoever writes. */
  private String source() {
    return "CREATE OR REPLACE FUNCTION "
        + function()
        + "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        + " SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1"
        + " SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'"
        + " SET bytea_output = 'hex' SET lc_monetary = 'C' SET xmloption = 'content'"
        + " AS $tenon$"
        + body()
        + "$tenon$";
  }

  private String body() {
    StringBuilder hashes = new StringBuilder();
    StringBuilder steps = new StringBuilder();
    for (int i = 0; i < keys.size(); i++) {
      Key key = keys.get(i);
      hashes.append("\n  o").append(i).append(" bigint; n").append(i).append(" bigint;");
      steps
          .append("\n  IF TG_OP <> 'INSERT' THEN ")
          .append(hash("o" + i, "OLD", key))
          .append(" END IF;\n  IF TG_OP <> 'DELETE' THEN ")
          .append(hash("n" + i, "NEW", key))
          .append(" END IF;")
          .append(locks(i, key));
    }
    return "\nDECLARE\n  places oid[] := '{}'; hows \"char\"[] := '{}'; hashes bigint[] := '{}';"
        + " old_row text; new_row text;"
        + hashes
        + "\nBEGIN\n  IF current_setting('"
        + UNDO
        + "', true) = 'on' THEN RETURN NULL; END IF;"
        + steps
        + "\n  IF coalesce(current_setting('tenon_at.branch', true), '') <> '' THEN"
        + "\n    IF TG_OP <> 'INSERT' THEN old_row := OLD::text; END IF;"
        + "\n    IF TG_OP <> 'DELETE' THEN new_row := NEW::text; END IF;"
        + "\n  END IF;"
        + "\n  PERFORM tenon.at_write(TG_RELID, old_row, new_row, places, hows, hashes);"
        + "\n  RETURN NULL;\nEND ";
  }

  private static String hash(String variable, String row, Key key) {
    String parts = String.join(", ", key.parts());
    String condition = key.condition().orElse("true");
    return (variable
            + " := CASE WHEN "
            + condition
            + " THEN hash_record_extended(ROW("
            + parts
            + "), 0) END;")
        .replace("$row", row);
  }

  private static String locks(int i, Key key) {
    return switch (key.role()) {
      case PRIMARY ->
          add("o" + i + " IS NOT NULL", key, 'o', "o" + i)
              + add(
                  "n" + i + " IS DISTINCT FROM o" + i + " AND n" + i + " IS NOT NULL",
                  key,
                  'n',
                  "n" + i);
      case UNIQUE -> changed(i, key, 'u', 'c');
      case REFERENCE -> changed(i, key, 's', 'f');
      case REFERRED -> changed(i, key, 'v', 'a');
    };
  }

  private static String changed(int i, Key key, char was, char is) {
    String different = "n" + i + " IS DISTINCT FROM o" + i;
    return add(different + " AND o" + i + " IS NOT NULL", key, was, "o" + i)
        + add(different + " AND n" + i + " IS NOT NULL", key, is, "n" + i);
  }

  private static String add(String condition, Key key, char how, String hash) {
    return "\n  IF "
        + condition
        + " THEN places := places || "
        + key.place()
        + "::oid; hows := hows || '"
        + how
        + "'::\"char\"; hashes := hashes || "
        + hash
        + "; END IF;";
  }
}
