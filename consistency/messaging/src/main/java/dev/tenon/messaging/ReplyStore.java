package dev.tenon.messaging;

import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The stored replies, and who is at work on one.
 *
 * <p>Whoever runs a call holds an advisory lock on a digest of its key until the end of its
 * transaction; nobody waits for it. The lock and the look for a reply are two statements in one
 * round trip: the second sees all that whoever had the lock before has committed. The lock only
 * answers early. What decides is the primary key of the reply, so that two keys with one digest
 * merely take turns.
 */
final class ReplyStore {
  /** Keys tell their age in whole milliseconds, so a key of this one must not count as older. */
  private static final String HORIZON = "least(?::timestamptz, date_trunc('milliseconds', now()))";

  private static final String LOCK = "SELECT pg_try_advisory_xact_lock(?)";

  /** Of fixed length: see {@link StatementBatch#question}. The reply itself is rarely there. */
  private static final String LOOK =
      "SELECT r.status, r.fingerprint = ? AS same,"
          + " coalesce(?::timestamptz < i.replies_forgotten_before, false) AS forgotten"
          + " FROM tenon.identity i LEFT JOIN tenon.reply r"
          + " ON r.caller = ? AND r.operation = ? AND r.key = ?";

  private static final String STORE =
      "WITH durable AS ("
          + TenonTables.FORCE_DURABLE
          + ") INSERT INTO tenon.reply"
          + " (caller, operation, key, fingerprint, status, headers, body, kept_from)"
          + " SELECT ?::text, ?::text, ?::text, ?::bytea, ?::integer, ?::text, ?::bytea,"
          + " ?::timestamptz FROM durable ON CONFLICT DO NOTHING";

  private final TenonTables tables;

  ReplyStore(TenonTables tables) {
    this.tables = tables;
  }

  /** A reply to be stored. */
  record Entry(IdempotencyKey key, Fingerprint fingerprint, StoredReply reply, Instant keptFrom) {}

  /** What is known of a key. */
  sealed interface Known {
    /** Nothing, and the key is ours until the end of the transaction. */
    record Free() implements Known {}

    /** It is another transaction's. */
    record Taken() implements Known {}

    /** It may have been stored and forgotten. */
    record Forgotten() implements Known {}

    /** There is a reply. */
    record Replied(boolean sameRequest, StoredReply reply) implements Known {}
  }

  /** Somebody else has stored a reply under the key, unseen by this transaction's snapshot. */
  static final class TakenException extends SQLException {
    private static final long serialVersionUID = 1L;

    TakenException(IdempotencyKey key) {
      super("another call has stored its reply under the key " + key);
    }
  }

  /** Asks for a key, and takes it if it is free; what is known can be had when that has run. */
  Supplier<Known> look(
      StatementBatch batch,
      IdempotencyKey key,
      Fingerprint fingerprint,
      Optional<Instant> createdAt) {
    boolean[] locked = new boolean[1];
    List<Known> known = new ArrayList<>();
    batch.question(
        LOCK,
        1,
        (look, first) -> look.setLong(first, digest(key)),
        row -> {
          row.next();
          locked[0] = row.getBoolean(1);
        });
    batch.question(
        tables.sql(LOOK),
        5,
        (look, first) -> {
          look.setBytes(first, fingerprint.bytes());
          if (createdAt.isPresent()) {
            look.setObject(first + 1, Sql.time(createdAt.get()));
          } else {
            look.setNull(first + 1, Types.TIMESTAMP_WITH_TIMEZONE);
          }
          look.setString(first + 2, key.caller());
          look.setString(first + 3, key.operation());
          look.setString(first + 4, key.key());
        },
        row -> {
          row.next();
          known.add(known(row, batch.connection(), key, locked[0]));
        });
    return known::getFirst;
  }

  /** The reply under a key. */
  Optional<StoredReply> find(Connection connection, IdempotencyKey key) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT status, headers, body FROM tenon.reply"
                + " WHERE caller = ? AND operation = ? AND key = ?")) {
      select.setString(1, key.caller());
      select.setString(2, key.operation());
      select.setString(3, key.key());
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(reply(row)) : Optional.empty();
      }
    }
  }

  private static StoredReply reply(ResultSet row) throws SQLException {
    return new StoredReply(
        row.getInt("status"), Sql.headers(row.getString("headers")), row.getBytes("body"));
  }

  private Known known(ResultSet row, Connection connection, IdempotencyKey key, boolean locked)
      throws SQLException {
    if (row.getObject("status") != null) {
      boolean same = row.getBoolean("same");
      Optional<StoredReply> reply = find(connection, key);
      // One that is deleted just now is as good as taken: a repeated call learns that it is gone.
      return reply.isPresent() ? new Known.Replied(same, reply.get()) : new Known.Taken();
    }
    if (!locked) {
      return new Known.Taken();
    }
    return row.getBoolean("forgotten") ? new Known.Forgotten() : new Known.Free();
  }

  /** Writes replies; fails if there is one under the same key. */
  void store(StatementBatch batch, List<Entry> entries) {
    for (Entry entry : entries) {
      batch.change(
          tables.sql(STORE),
          8,
          (insert, first) -> {
            insert.setString(first, entry.key().caller());
            insert.setString(first + 1, entry.key().operation());
            insert.setString(first + 2, entry.key().key());
            insert.setBytes(first + 3, entry.fingerprint().bytes());
            insert.setInt(first + 4, entry.reply().status());
            insert.setString(first + 5, Sql.headers(entry.reply().headers()));
            insert.setBytes(first + 6, entry.reply().body());
            insert.setObject(first + 7, Sql.time(entry.keptFrom()));
          },
          rows -> {
            if (rows != 1) {
              throw new TakenException(entry.key());
            }
          });
    }
  }

  /** Deletes a reply, if it is there. */
  void delete(Connection connection, IdempotencyKey key) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(
            connection, "DELETE FROM tenon.reply WHERE caller = ? AND operation = ? AND key = ?")) {
      delete.setString(1, key.caller());
      delete.setString(2, key.operation());
      delete.setString(3, key.key());
      delete.executeUpdate();
    }
  }

  /**
   * Deletes the oldest replies, and says with the same commit up to where they may be gone. A clock
   * that runs ahead of the database's does not make it say more.
   *
   * @return how many were deleted
   */
  int forget(Connection connection, Instant before, int most) throws SQLException {
    int deleted;
    try (PreparedStatement delete =
        tables.prepare(
            connection,
            "DELETE FROM tenon.reply WHERE ctid = ANY (ARRAY(SELECT ctid FROM tenon.reply"
                + " WHERE kept_from < "
                + HORIZON
                + " ORDER BY kept_from LIMIT ?))")) {
      delete.setObject(1, Sql.time(before));
      delete.setInt(2, most);
      deleted = delete.executeUpdate();
    }
    if (deleted > 0) {
      raiseHorizon(connection, before);
    }
    return deleted;
  }

  private void raiseHorizon(Connection connection, Instant before) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.identity SET replies_forgotten_before = "
                + HORIZON
                + " WHERE replies_forgotten_before < "
                + HORIZON)) {
      update.setObject(1, Sql.time(before));
      update.setObject(2, Sql.time(before));
      update.executeUpdate();
    }
  }

  /** Of the table's name, too: services that share a database share its locks. */
  long digest(IdempotencyKey key) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      String table = tables.sql("tenon.reply");
      for (String part : List.of(table, key.caller(), key.operation(), key.key())) {
        byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
        digest.update(bytes);
      }
      return ByteBuffer.wrap(digest.digest()).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
