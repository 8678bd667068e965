package dev.tenon.messaging;

import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/** Remembers received ids in the service's own database. */
final class LocalInbox implements Inbox {
  private static final int LENGTH_MAX = 200;

  private final Transactions transactions;
  private final TenonTables tables;

  LocalInbox(Transactions transactions, TenonTables tables) {
    this.transactions = transactions;
    this.tables = tables;
  }

  @Override
  public boolean firstTime(String source, String messageId) {
    requireShort("source", source);
    requireShort("messageId", messageId);
    UnitOfWork unit =
        transactions
            .current()
            .filter(open -> !open.readOnly())
            .orElseThrow(
                () ->
                    new MessagingException(
                        "Could not receive a message [source="
                            + source
                            + ", message="
                            + messageId
                            + "]: no writing transaction is open. Receive inside of one."));
    try (PreparedStatement insert =
        tables.prepare(
            unit.connection(),
            "WITH durable AS ("
                + TenonTables.FORCE_DURABLE
                + ") INSERT INTO tenon.inbox (source, message_id)"
                + " SELECT ?::text, ?::text FROM durable ON CONFLICT DO NOTHING")) {
      insert.setString(1, source);
      insert.setString(2, messageId);
      return insert.executeUpdate() == 1;
    } catch (SQLException e) {
      throw new MessagingException(
          "Could not receive a message [source="
              + source
              + ", message="
              + messageId
              + "]: "
              + e.getMessage()
              + ". Roll back and receive it again.",
          e);
    }
  }

  private static void requireShort(String name, String value) {
    if (value.isEmpty() || value.length() > LENGTH_MAX) {
      throw new IllegalArgumentException(
          name + ": " + value.length() + " characters (expected: 1.." + LENGTH_MAX + ")");
    }
  }
}
