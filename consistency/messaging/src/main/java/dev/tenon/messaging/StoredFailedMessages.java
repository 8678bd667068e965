package dev.tenon.messaging;

import java.sql.SQLException;
import java.util.List;
import java.util.UUID;

/** The failed messages in the service's own database. */
final class StoredFailedMessages implements FailedMessages {
  private static final int LIMIT_MAX = 10_000;

  private final MessagingParts parts;
  private final RetryStore retries;

  StoredFailedMessages(MessagingParts parts, RetryStore retries) {
    this.parts = parts;
    this.retries = retries;
  }

  @Override
  public List<FailedMessage> list(Filter filter, int limit) {
    if (limit < 1 || limit > LIMIT_MAX) {
      throw new IllegalArgumentException("limit: " + limit + " (expected: 1.." + LIMIT_MAX + ")");
    }
    boolean parkedOnly =
        switch (filter) {
          case PARKED -> true;
          case ALL -> false;
        };
    return ask("list", () -> retries.list(parkedOnly, limit));
  }

  @Override
  public List<FailedMessage> find(UUID messageId) {
    return ask("find", () -> retries.find(messageId));
  }

  @Override
  public int replay(List<UUID> messageIds) {
    return ask("replay", () -> retries.replay(messageIds, parts.runtime().clock().instant()));
  }

  @Override
  public int drop(List<UUID> messageIds) {
    return ask("drop", () -> retries.drop(messageIds));
  }

  @FunctionalInterface
  private interface Question<T> {
    T ask() throws SQLException;
  }

  private <T> T ask(String verb, Question<T> question) {
    try {
      return question.ask();
    } catch (SQLException e) {
      throw new MessagingException(
          "Could not "
              + verb
              + " failed messages [service="
              + parts.service()
              + "]: "
              + e.getMessage()
              + ". Check that the database can be reached.",
          e);
    }
  }
}
