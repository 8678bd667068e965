package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Appends delayed messages that are due, closes windows, and tells readers and peers of them. */
final class WindowCloser {
  private static final Logger log = LoggerFactory.getLogger(WindowCloser.class);
  private static final int DUE_MAX = 500;

  private final MessagingParts parts;
  private final OutboxLog outboxLog;
  private final LogTail tail;
  private final Supplier<List<String>> peers;
  private final AtomicBoolean dueChanged = new AtomicBoolean(true);
  private Instant nextDue = Instant.MAX;
  private Instant dueLookedAt = Instant.EPOCH;

  WindowCloser(
      MessagingParts parts, OutboxLog outboxLog, LogTail tail, Supplier<List<String>> peers) {
    this.parts = parts;
    this.outboxLog = outboxLog;
    this.tail = tail;
    this.peers = peers;
  }

  /** Appends what is due and closes a window; says how many messages it holds. */
  long close() throws SQLException {
    appendDue();
    long messages = outboxLog.closeWindow();
    if (messages > 0) {
      parts.metrics().windowClosed(messages);
    }
    tail.grew();
    return messages;
  }

  /** A delayed message was committed here: it may be the first to become due. */
  void delayedCommitted() {
    dueChanged.set(true);
  }

  /** How long until a delayed message is due, at most the given time. */
  Duration untilDue(Duration most) {
    Duration left = Duration.between(parts.runtime().clock().instant(), nextDue);
    if (left.isNegative()) {
      return Duration.ZERO;
    }
    return left.compareTo(most) < 0 ? left : most;
  }

  /** Wakes the other instances, for their readers. */
  void wakePeers() {
    Optional<FeedTransport> transport = parts.transport();
    if (transport.isEmpty()) {
      return;
    }
    for (String address : peers.get()) {
      try {
        transport.get().wake(address);
      } catch (FeedException e) {
        log.atDebug().addKeyValue("peer", address).setCause(e).log("peer not woken");
      }
    }
  }

  private void appendDue() throws SQLException {
    Instant now = parts.runtime().clock().instant();
    boolean look =
        dueChanged.getAndSet(false)
            || !nextDue.isAfter(now)
            || !now.isBefore(dueLookedAt.plus(parts.config().pollInterval()));
    if (!look) {
      return;
    }
    dueLookedAt = now;
    nextDue = firstDue();
    if (!nextDue.isAfter(now)) {
      outboxLog.adoptHistory();
      LocalCommit.run(
          parts.dataSource(),
          connection -> {
            try (PreparedStatement move =
                parts
                    .tables()
                    .prepare(
                        connection,
                        "WITH durable AS ("
                            + TenonTables.FORCE_DURABLE
                            + "), due AS (DELETE FROM tenon.delayed WHERE id = ANY (ARRAY( SELECT"
                            + " id FROM tenon.delayed WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"
                            + " FOR UPDATE SKIP LOCKED)) RETURNING *) INSERT INTO tenon.outbox (id,"
                            + " topic, key, version, headers, payload) SELECT due.id, topic, key,"
                            + " version, headers, payload FROM due, durable ORDER BY due_at,"
                            + " due.id")) {
              move.setObject(1, Sql.time(now));
              move.setInt(2, DUE_MAX);
              return move.executeUpdate();
            }
          });
      nextDue = firstDue();
    }
  }

  private Instant firstDue() throws SQLException {
    try (var connection = parts.dataSource().getConnection();
        PreparedStatement select =
            parts.tables().prepare(connection, "SELECT min(due_at) FROM tenon.delayed");
        ResultSet row = select.executeQuery()) {
      row.next();
      OffsetDateTime due = row.getObject(1, OffsetDateTime.class);
      return due == null ? Instant.MAX : due.toInstant();
    }
  }
}
