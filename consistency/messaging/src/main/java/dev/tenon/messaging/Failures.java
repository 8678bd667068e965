package dev.tenon.messaging;

import dev.tenon.schema.Dialect;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.sql.Connection;
import java.sql.SQLException;

/** Tells a message that cannot be handled from a database that cannot be reached. */
final class Failures {
  private static final int ANSWER_SECONDS_MAX = 2;
  private static final int CAUSES_MAX = 50;

  private final Transactions transactions;

  Failures(Transactions transactions) {
    this.transactions = transactions;
  }

  /** Whether the message is not to blame: the batch is to be tried again as it is. */
  boolean isInfrastructure(Throwable failure) {
    if (has(failure, LeaseLostException.class)
        || has(failure, UnknownCommitOutcomeException.class)) {
      return true;
    }
    return has(failure, SQLException.class) && !databaseAnswers();
  }

  /**
   * Whether simply repeating may help: a deadlock, a serialization failure, or a connection that
   * broke.
   */
  boolean isRepeatable(Throwable failure) {
    Dialect dialect = transactions.database().dialect();
    Throwable cause = failure;
    for (int i = 0; cause != null && i < CAUSES_MAX; i++) {
      if (cause instanceof SQLException sql
          && (dialect.repeatable(sql) || dialect.connectionLost(sql))) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }

  /** Whether the lease is another instance's by now. */
  static boolean isLeaseLost(Throwable failure) {
    return has(failure, LeaseLostException.class);
  }

  /** Whether the connection broke; drivers do not always hand on the database's reason. */
  boolean isConnectionLost(Throwable failure) {
    Dialect dialect = transactions.database().dialect();
    Throwable cause = failure;
    for (int i = 0; cause != null && i < CAUSES_MAX; i++) {
      if (cause instanceof SQLException sql && dialect.connectionLost(sql)) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }

  private boolean databaseAnswers() {
    try (Connection connection = transactions.database().dataSource().getConnection()) {
      return connection.isValid(ANSWER_SECONDS_MAX);
    } catch (SQLException e) {
      return false;
    }
  }

  private static boolean has(Throwable failure, Class<? extends Throwable> type) {
    Throwable cause = failure;
    for (int i = 0; cause != null && i < CAUSES_MAX; i++) {
      if (type.isInstance(cause)) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }

  /** What a person should read of a failure: its innermost reason too. */
  static String describe(Throwable failure) {
    Throwable root = failure;
    for (int i = 0; root.getCause() != null && i < CAUSES_MAX; i++) {
      root = root.getCause();
    }
    String text =
        failure instanceof UndeliverableException undeliverable
            ? String.valueOf(undeliverable.getMessage())
            : failure.toString();
    return root.equals(failure) ? text : text + "; caused by " + root;
  }
}
