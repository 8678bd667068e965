package dev.tenon.schema;

import java.sql.Connection;
import java.sql.SQLException;

/** What differs between kinds of databases. Immutable and thread-safe. */
public interface Dialect {

  /**
   * The kind's name, as in the names of migration folders.
   *
   * @return such as {@code postgresql}
   */
  String name();

  /**
   * Whether an exception means that the connection is gone: what was sent last may have happened.
   *
   * @param exception what the driver threw
   * @return whether the connection is lost
   */
  boolean connectionLost(SQLException exception);

  /**
   * Whether a lost connection is behind a failure, however it is wrapped, to a database of any kind
   * that is known here: for code that has a failure and not its database. A pool that has no
   * connection to give, or has closed a broken one, counts too.
   *
   * @param failure what was thrown
   * @return whether the database went away
   */
  static boolean connectionLostBehind(Throwable failure) {
    return LostConnections.behind(failure);
  }

  /**
   * Whether an exception means that the database refused something for the sake of concurrency, and
   * the whole unit of work may simply be repeated.
   *
   * @param exception what the driver threw
   * @return whether it is a serialization failure or a deadlock
   */
  boolean repeatable(SQLException exception);

  /**
   * Whether a statement of the open transaction has failed so that the database would answer a
   * commit by rolling back, and the driver would not say so.
   *
   * @param connection the connection, in a transaction
   * @return whether a commit would commit nothing
   * @throws SQLException if that cannot be found out
   */
  boolean doomed(Connection connection) throws SQLException;
}
