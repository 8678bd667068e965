package dev.tenon.messaging;

import dev.tenon.runtime.Json;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.Counter;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Buffers messages in the open unit of work and has them appended to the log just before commit.
 */
final class TransactionalOutbox implements Outbox {
  private static final int KEY_LENGTH_MAX = 500;

  private final Transactions transactions;
  private final TenonTables tables;
  private final TenonRuntime runtime;
  private final Map<String, Topic> topics;
  private final int messageBytesMax;
  private final Supplier<Map<String, String>> ambientHeaders;
  private final UnitOfWork.Recorder<OutboxLog.NewMessage> now;
  private final UnitOfWork.Recorder<Delayed> later = this::writeDelayed;
  private final Runnable committed;
  private final Runnable delayed;
  private final Counter published;

  private record Delayed(OutboxLog.NewMessage message, Instant dueAt) {}

  TransactionalOutbox(
      MessagingParts parts,
      OutboxLog log,
      Supplier<Map<String, String>> ambientHeaders,
      Runnable committed,
      Runnable delayed) {
    this.transactions = parts.transactions();
    this.tables = parts.tables();
    this.runtime = parts.runtime();
    this.topics = parts.topics();
    this.messageBytesMax = parts.config().messageBytesMax();
    this.ambientHeaders = ambientHeaders;
    this.now = log::append;
    this.committed = committed;
    this.delayed = delayed;
    this.published = parts.metrics().published();
  }

  @Override
  public UUID publish(OutgoingMessage message) {
    UnitOfWork unit = unitFor(message.topic());
    if (!topics.containsKey(message.topic())) {
      throw refused(
          message.topic(),
          "the topic is not declared",
          "Declare it; declared are " + topics.keySet());
    }
    byte[] payload = Json.write(message.payload());
    String headers = Sql.headers(withAmbient(message.headers()));
    long bytes = (long) payload.length + headers.length();
    if (bytes > messageBytesMax) {
      throw refused(
          message.topic(),
          "payload and headers are " + bytes + " bytes, the limit is " + messageBytesMax,
          "Send a reference instead, or raise messageBytesMax");
    }
    if (message.key().map(String::length).orElse(0) > KEY_LENGTH_MAX) {
      throw refused(
          message.topic(), "its key is longer than " + KEY_LENGTH_MAX, "Use a shorter key");
    }
    OutboxLog.NewMessage row =
        new OutboxLog.NewMessage(
            runtime.ids().next(),
            message.topic(),
            message.key(),
            message.version(),
            headers,
            payload);
    if (message.delay().isZero()) {
      unit.record(now, row);
    } else {
      unit.record(later, new Delayed(row, runtime.clock().instant().plus(message.delay())));
      unit.afterCommit(delayed);
    }
    unit.afterCommit(
        () -> {
          published.increment();
          committed.run();
        });
    return row.id();
  }

  private UnitOfWork unitFor(String topic) {
    UnitOfWork unit =
        transactions
            .current()
            .orElseThrow(
                () ->
                    refused(
                        topic,
                        "no transaction is open on the service's own database",
                        "Publish inside of one"));
    if (unit.readOnly()) {
      throw refused(topic, "the transaction is read-only", "Publish inside of a writing one");
    }
    return unit;
  }

  private Map<String, String> withAmbient(Map<String, String> own) {
    Map<String, String> ambient = ambientHeaders.get();
    if (ambient.isEmpty()) {
      return own;
    }
    Map<String, String> all = new HashMap<>(ambient);
    all.putAll(own);
    return all;
  }

  private MessagingException refused(String topic, String reason, String advice) {
    return new MessagingException(
        "Could not publish a message [service="
            + transactions.database().service()
            + ", topic="
            + topic
            + "]: "
            + reason
            + ". "
            + advice
            + ".");
  }

  private void writeDelayed(Connection connection, List<Delayed> delayed) throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "INSERT INTO tenon.delayed (id, due_at, topic, key, version, headers, payload)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?)")) {
      for (Delayed entry : delayed) {
        OutboxLog.NewMessage message = entry.message();
        Optional<String> key = message.key();
        insert.setObject(1, message.id());
        insert.setObject(2, Sql.time(entry.dueAt()));
        insert.setString(3, message.topic());
        insert.setString(4, key.orElse(null));
        insert.setInt(5, message.version());
        insert.setString(6, message.headers());
        insert.setBytes(7, message.payload());
        insert.addBatch();
      }
      insert.executeBatch();
    }
    tables.execute(connection, TenonTables.FORCE_DURABLE);
  }
}
