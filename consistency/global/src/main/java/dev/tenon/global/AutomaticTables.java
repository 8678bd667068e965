package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javax.sql.DataSource;

/**
 * The tables whose changes are undone automatically (AT) when the distributed transaction that made
 * them is aborted. Triggers keep what rows were, and refuse every writer of a row that an open
 * transaction has changed, those that belong to no transaction too. Thread-safe.
 *
 * <p><b>What cannot be opted in</b>, and is refused with a sentence: a table without a primary key;
 * a partition (its root is opted in); an unlogged, temporary, inherited or foreign one; one with an
 * exclusion constraint, with rules, with forced row security, or with a key in a collation that
 * takes different texts for equal; one that a table not opted in refers to with {@code ON DELETE}
 * or {@code ON UPDATE} actions; one with triggers that would fire while changes are undone. Such a
 * trigger is accepted if its condition heeds that: {@code WHEN (coalesce(current_setting(
 * 'tenon_at.undo', true), '') = '')}.
 */
public final class AutomaticTables {
  /** The trigger that a table has which is opted in. */
  static final String TRIGGER = "tenon_at";

  /** The trigger that refuses to empty it. */
  static final String TRUNCATE_TRIGGER = "tenon_at_truncate";

  private final TenonTables tables;

  private AutomaticTables(TenonTables tables) {
    this.tables = tables;
  }

  /**
   * The tables of a service.
   *
   * @param tenonSchema the schema of Tenon's own tables, {@code tenon} unless services share the
   *     database
   * @return what opts them in
   */
  public static AutomaticTables of(String tenonSchema) {
    return new AutomaticTables(new TenonTables(requireNonNull(tenonSchema, "tenonSchema")));
  }

  /**
   * Opts tables in, all or none of them, in a transaction of its own; those that are opted in have
   * their triggers renewed where they do not fit any more, and are left alone otherwise. It waits
   * for open transactions that have written them, for ten seconds at most. A service that runs
   * already notices within half a minute; until then it refuses calls that would write them.
   *
   * @param dataSource the service's database, with the login that owns the tables
   * @param names names of tables, with their schema where {@code search_path} does not lead there
   * @throws AutomaticTableException if one cannot be opted in; nothing was changed
   */
  public void enable(DataSource dataSource, List<String> names) {
    change(
        dataSource,
        "opt in the tables " + names,
        connection -> {
          enable(connection, names);
          return true;
        });
  }

  /**
   * Opts tables in within the open transaction: in a migration, say.
   *
   * @param connection in a transaction
   * @param names names of tables
   * @throws AutomaticTableException if one cannot be opted in; the transaction must be rolled back
   * @throws SQLException if the database refuses it
   */
  public void enable(Connection connection, List<String> names) throws SQLException {
    List<AutomaticTable> found = new ArrayList<>();
    Set<Long> also = new LinkedHashSet<>();
    for (String name : names) {
      AutomaticTable table = AutomaticTable.read(connection, name);
      found.add(table);
      also.add(table.oid());
    }
    for (AutomaticTable table : found) {
      table.check(connection, also);
    }
    for (AutomaticTable table : found) {
      if (table.installWhereNeeded(connection, tables) == AutomaticTable.Found.HELD) {
        throw table.held("renew the triggers of");
      }
    }
  }

  /**
   * Takes tables out, all or none of them, in a transaction of its own.
   *
   * @param dataSource the service's database
   * @param names names of tables
   * @throws AutomaticTableException if a branch is open that has changed one; nothing was changed
   */
  public void disable(DataSource dataSource, List<String> names) {
    change(
        dataSource,
        "opt out the tables " + names,
        connection -> {
          for (String name : names) {
            AutomaticTable.read(connection, name).remove(connection, tables);
          }
          return true;
        });
  }

  /**
   * The tables that are opted in.
   *
   * @param dataSource the service's database
   * @return their names with their schemas, in order
   */
  public List<String> list(DataSource dataSource) {
    return change(dataSource, "list the tables", AutomaticTables::list);
  }

  private static List<String> list(Connection connection) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_trigger t"
                    + " JOIN pg_class c ON c.oid = t.tgrelid"
                    + " JOIN pg_namespace n ON n.oid = c.relnamespace"
                    + " WHERE t.tgname = '"
                    + TRIGGER
                    + "' AND NOT c.relispartition ORDER BY 1");
        ResultSet row = select.executeQuery()) {
      List<String> names = new ArrayList<>();
      while (row.next()) {
        names.add(row.getString(1));
      }
      return names;
    }
  }

  /**
   * Checks the tables that are opted in, as their keys may have changed since, and renews their
   * triggers where they do not fit any more. A service does this when it starts. Triggers of keys
   * that are others now are left as they are while a branch is open that has changed the table, as
   * its locks go by them.
   *
   * @param dataSource the service's database
   * @return the tables whose triggers were renewed
   * @throws AutomaticTableException if one may not be opted in any more; nothing was changed
   */
  public List<String> renew(DataSource dataSource) {
    return change(
        dataSource,
        "check the tables that are opted in",
        connection -> {
          List<String> renewed = new ArrayList<>();
          List<String> names = list(connection);
          for (String name : names) {
            AutomaticTable table = AutomaticTable.read(connection, name);
            table.check(connection, Set.of());
            if (table.installWhereNeeded(connection, tables) == AutomaticTable.Found.MADE) {
              renewed.add(name);
            }
          }
          return renewed;
        });
  }

  private static <T> T change(DataSource dataSource, String what, LocalCommit.Work<T> work) {
    try {
      return LocalCommit.run(dataSource, work);
    } catch (SQLException e) {
      throw new AutomaticTableException(
          "Could not "
              + what
              + ": "
              + e.getMessage()
              + ". Look that the login owns them and nobody keeps them locked, and try again.",
          e);
    }
  }
}
