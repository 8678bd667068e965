package dev.tenon.global;

import dev.tenon.transaction.spi.GuardedConnection;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one XA branch writes to other databases of its service. Each is prepared before the
 * service's own is, so that a branch that is named is prepared everywhere. Belongs to the thread of
 * the branch's unit of work.
 */
final class XaEnlistment {
  private static final Logger log = LoggerFactory.getLogger(XaEnlistment.class);

  private final Map<String, PreparedTransactions> databases;
  private final Gid gid;
  private final Map<String, Open> open = new LinkedHashMap<>();

  private record Open(Connection connection, Connection guarded, boolean autoCommit) {}

  XaEnlistment(Map<String, PreparedTransactions> databases, Gid gid) {
    this.databases = databases;
    this.gid = gid;
  }

  /** That of the call that the current thread handles. */
  static XaEnlistment current(String database) {
    return Serving.current()
        .flatMap(Serving::enlisted)
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "Could not use the database "
                        + database
                        + ": this thread handles no call that has opened an XA branch. Open it"
                        + " first, on the thread that handles the call."));
  }

  /** The connection of the branch's transaction on a database, begun with the first use. */
  Connection connection(String name) {
    Open known = open.get(name);
    if (known != null) {
      return known.guarded();
    }
    PreparedTransactions database = databases.get(name);
    if (database == null) {
      throw new IllegalArgumentException(
          "database: " + name + " (expected: one of the declared " + databases.keySet() + ")");
    }
    try {
      Connection connection = database.connect();
      boolean autoCommit = connection.getAutoCommit();
      Open begun = new Open(connection, GuardedConnection.guard(connection), autoCommit);
      open.put(name, begun);
      connection.setAutoCommit(false);
      return begun.guarded();
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not begin a transaction on the database "
              + name
              + ": "
              + e.getMessage()
              + ". Check that it can be reached and its pool is large enough.",
          GlobalTransactionException.Told.UNKNOWN,
          e);
    }
  }

  /** Prepares all; if one fails, those before it are rolled back. */
  void prepare() throws SQLException {
    for (Map.Entry<String, Open> each : open.entrySet()) {
      PreparedTransactions database = database(each.getKey());
      try {
        database.prepare(each.getValue().connection(), gid.at(database.place()));
      } catch (SQLException e) {
        undo(e);
        throw e;
      }
    }
  }

  /** Rolls back what is prepared, as the branch is not; what cannot be now is asked about later. */
  void undo(SQLException reason) {
    for (String name : open.keySet()) {
      PreparedTransactions database = database(name);
      try {
        PreparedTransactions.End unused = database.end(gid.at(database.place()), Outcome.ABORTED);
      } catch (SQLException e) {
        reason.addSuppressed(e);
      }
    }
  }

  private PreparedTransactions database(String name) {
    PreparedTransactions database = databases.get(name);
    if (database == null) {
      throw new IllegalStateException("no database " + name);
    }
    return database;
  }

  /** Gives the connections back; what is not prepared is rolled back. */
  void close() {
    for (Open each : open.values()) {
      try (Connection connection = each.connection()) {
        connection.rollback();
        connection.setAutoCommit(each.autoCommit());
      } catch (SQLException e) {
        // The database rolls back what a lost connection left open.
        log.atDebug().setCause(e).log("connection not returned cleanly");
      }
    }
    open.clear();
  }
}
