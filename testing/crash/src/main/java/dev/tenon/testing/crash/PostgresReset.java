package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.sql.DataSource;

/**
 * Brings a PostgreSQL database back to the rows and sequences it had when this was made, within
 * milliseconds: for {@link Scenario#reset}. Tables made since are dropped; those dropped or altered
 * since cannot be brought back. Not thread-safe.
 *
 * <p>The rows are kept beside, in the schema {@value #SCHEMA} of the same database.
 */
public final class PostgresReset {
  /** Where the rows are kept. */
  public static final String SCHEMA = "crash_start";

  private static final String TABLES =
      "select format('%I.%I', n.nspname, c.relname), c.oid::bigint,"
          + " (select string_agg(quote_ident(a.attname), ', ' order by a.attnum)"
          + " from pg_attribute a where a.attrelid = c.oid and a.attnum > 0"
          + " and not a.attisdropped and a.attgenerated = '')"
          + " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
          + " where c.relkind = 'r' and c.relpersistence <> 't'"
          + " and n.nspname not in ('pg_catalog', 'information_schema', '"
          + SCHEMA
          + "') order by 1";
  private static final String SEQUENCES =
      "select format('select setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),"
          + " coalesce(last_value, start_value), last_value is not null) from pg_sequences";

  private final DataSource superuser;
  private final List<Table> tables;
  private final List<String> sequences;

  private record Table(String name, long oid, String columns, String copy, boolean empty) {}

  private PostgresReset(DataSource superuser, List<Table> tables, List<String> sequences) {
    this.superuser = superuser;
    this.tables = List.copyOf(tables);
    this.sequences = List.copyOf(sequences);
  }

  /**
   * Keeps a database's present rows and sequences.
   *
   * @param superuser connects to the database as a superuser: triggers and foreign keys must not
   *     fire when rows are put back
   * @return what brings them back
   * @throws SQLException if the database refuses it
   */
  public static PostgresReset to(DataSource superuser) throws SQLException {
    requireNonNull(superuser, "superuser");
    try (Connection connection = superuser.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("drop schema if exists " + SCHEMA + " cascade");
      statement.execute("create schema " + SCHEMA);
      List<Table> kept = new ArrayList<>();
      for (Table table : tables(statement)) {
        kept.add(kept(statement, table));
      }
      return new PostgresReset(superuser, kept, strings(statement, SEQUENCES));
    }
  }

  private static Table kept(Statement statement, Table table) throws SQLException {
    statement.execute("create table " + table.copy() + " as table " + table.name());
    try (ResultSet row = statement.executeQuery("select 1 from " + table.copy() + " limit 1")) {
      return new Table(table.name(), table.oid(), table.columns(), table.copy(), !row.next());
    }
  }

  /**
   * Brings rows and sequences back, in one transaction. Nobody else may be using the database.
   *
   * @throws SQLException if the database refuses it, or a table is gone; nothing is changed then
   */
  public void restore() throws SQLException {
    try (Connection connection = superuser.getConnection();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      try {
        statement.execute("set local lock_timeout = '10s'");
        statement.execute("set local session_replication_role = replica");
        dropNew(statement);
        putBack(statement);
        connection.commit();
      } finally {
        connection.rollback();
        connection.setAutoCommit(true);
      }
    }
  }

  private void dropNew(Statement statement) throws SQLException {
    Set<Long> known = new HashSet<>();
    tables.forEach(table -> known.add(table.oid()));
    for (Table table : tables(statement)) {
      if (!known.remove(table.oid())) {
        statement.execute("drop table if exists " + table.name() + " cascade");
      }
    }
    for (Table table : tables) {
      if (known.contains(table.oid())) {
        throw new SQLException(
            "Could not bring a database back [table="
                + table.name()
                + "]: the table was dropped. Let the scenario keep it, or reset by other means.");
      }
    }
  }

  private void putBack(Statement statement) throws SQLException {
    StringBuilder script = new StringBuilder();
    for (Table table : tables) {
      script.append("delete from ").append(table.name()).append(";\n");
      if (!table.empty()) {
        script.append("insert into ").append(table.name());
        script.append(" (").append(table.columns()).append(") overriding system value select ");
        script.append(table.columns()).append(" from ").append(table.copy()).append(";\n");
      }
    }
    sequences.forEach(sequence -> script.append(sequence).append(";\n"));
    if (!script.isEmpty()) {
      statement.execute(script.toString());
    }
  }

  private static List<Table> tables(Statement statement) throws SQLException {
    List<Table> found = new ArrayList<>();
    try (ResultSet row = statement.executeQuery(TABLES)) {
      while (row.next()) {
        long oid = row.getLong(2);
        String columns = row.getString(3) == null ? "" : row.getString(3);
        found.add(new Table(row.getString(1), oid, columns, SCHEMA + ".t" + oid, true));
      }
    }
    return found;
  }

  private static List<String> strings(Statement statement, String sql) throws SQLException {
    List<String> found = new ArrayList<>();
    try (ResultSet row = statement.executeQuery(sql)) {
      while (row.next()) {
        found.add(row.getString(1));
      }
    }
    return found;
  }
}
