package dev.tenon.messaging;

import dev.tenon.runtime.Json;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.BatchRecorder;
import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.Counter;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Buffers messages in the open unit of work and has them appended to the log just before commit, or
 * held back.
 */
final class TransactionalOutbox implements Outbox, HeldMessages {
  private static final int KEY_LENGTH_MAX = 500;

  private final Transactions transactions;
  private final TenonTables tables;
  private final TenonRuntime runtime;
  private final Map<String, Topic> topics;
  private final int messageBytesMax;
  private final Supplier<Map<String, String>> ambientHeaders;
  private final OutboxLog log;
  private final BatchRecorder<Entry> recorder = new BatchRecorder<>(this::collect);
  private final Runnable committed;
  private final Runnable delayed;
  private final Counter published;
  private final HeldRows held;

  /** What a unit of work will write. */
  private sealed interface Entry {
    /** A message, to be sent when the unit commits or later. */
    record Outgoing(OutboxLog.NewMessage message, Optional<Instant> dueAt) implements Entry {}

    /** All messages of the unit wait. */
    record Hold(Supplier<Optional<UUID>> holder) implements Entry {}
  }

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
    this.log = log;
    this.committed = committed;
    this.delayed = delayed;
    this.published = parts.metrics().published();
    this.held = new HeldRows(parts.tables());
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
    Optional<Instant> dueAt =
        message.delay().isZero()
            ? Optional.empty()
            : Optional.of(runtime.clock().instant().plus(message.delay()));
    send(unit, new Entry.Outgoing(row, dueAt));
    unit.afterCommit(published::increment);
    return row.id();
  }

  private void send(UnitOfWork unit, Entry.Outgoing entry) {
    unit.record(recorder, entry);
    if (entry.dueAt().isPresent()) {
      unit.afterCommit(delayed);
    }
    unit.afterCommit(committed);
  }

  @Override
  public void hold(UnitOfWork unit, Supplier<Optional<UUID>> holder) {
    unit.record(recorder, new Entry.Hold(holder));
  }

  @Override
  public void release(UnitOfWork unit, UUID holder) throws SQLException {
    for (HeldRows.Row row : held.take(unit.connection(), holder)) {
      send(unit, new Entry.Outgoing(row.message(), row.dueAt()));
    }
  }

  @Override
  public void drop(UnitOfWork unit, UUID holder) throws SQLException {
    held.delete(unit.connection(), holder);
  }

  private void collect(StatementBatch batch, List<Entry> entries) throws SQLException {
    if (entries.stream().anyMatch(Entry.Outgoing.class::isInstance)) {
      batch.run();
      write(batch.connection(), entries);
    }
  }

  private void write(Connection connection, List<Entry> entries) throws SQLException {
    Optional<UUID> holder = Optional.empty();
    List<OutboxLog.NewMessage> now = new ArrayList<>();
    List<HeldRows.Row> all = new ArrayList<>();
    for (Entry entry : entries) {
      switch (entry) {
        case Entry.Hold hold -> {
          Optional<UUID> said = hold.holder().get();
          holder = said.isPresent() ? said : holder;
        }
        case Entry.Outgoing outgoing -> {
          all.add(new HeldRows.Row(outgoing.message(), outgoing.dueAt()));
          if (outgoing.dueAt().isEmpty()) {
            now.add(outgoing.message());
          }
        }
      }
    }
    if (holder.isPresent()) {
      held.write(connection, holder.get(), all);
      return;
    }
    if (!now.isEmpty()) {
      log.append(connection, now);
    }
    if (now.size() < all.size()) {
      writeDelayed(connection, all);
    }
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

  private void writeDelayed(Connection connection, List<HeldRows.Row> rows) throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "INSERT INTO tenon.delayed (id, due_at, topic, key, version, headers, payload)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?)")) {
      for (HeldRows.Row row : rows) {
        if (row.dueAt().isPresent()) {
          insert.setObject(1, row.message().id());
          insert.setObject(2, Sql.time(row.dueAt().get()));
          HeldRows.bind(insert, 3, row.message());
          insert.addBatch();
        }
      }
      insert.executeBatch();
    }
    tables.execute(connection, TenonTables.FORCE_DURABLE);
  }
}
