package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A service's log of outgoing messages, cut into windows. Every committed message is in exactly one
 * window, for ever; within a window messages are in the order of their sequence numbers. Messages
 * written under one lock keep their order. Thread-safe.
 */
interface OutboxLog {

  /** A message about to be appended. */
  record NewMessage(
      UUID id, String topic, Optional<String> key, int version, String headers, byte[] payload) {}

  /** A message with its place. */
  record Row(long window, UUID windowId, long seq, Message message) {}

  /**
   * A piece of the log.
   *
   * @param rows in the order of the log
   * @param end the position after the piece; equal to the position asked for at the log's end
   * @param lag messages between {@code end} and the log's end, to the window
   * @param scanned rows that had to be looked at
   */
  record Chunk(List<Row> rows, Cursor end, long lag, long scanned) {}

  /** Writes messages with the commit of the open unit of work: one round trip. */
  void append(Connection connection, List<NewMessage> messages) throws SQLException;

  /**
   * Closes a window over what was committed since the last one, in a durable commit of its own.
   *
   * @return how many messages it holds; zero if there was nothing, and then no window is made
   */
  long closeWindow() throws SQLException;

  /** The end of the last window. */
  Cursor end() throws SQLException;

  /** The end of the oldest window that is kept: the position before the oldest message. */
  Cursor beginning() throws SQLException;

  /** Whether a position belongs to this history of the log and is still kept. */
  boolean knows(Cursor cursor) throws SQLException;

  /**
   * Reads on from a position: whole windows up to the limits, or a part of one that is larger.
   *
   * @param after a known position, without snapshot part
   * @param messagesMax the most rows, if the first window is larger than that
   * @param bytesMax the most payload bytes, but for one larger message
   */
  Chunk read(Cursor after, int messagesMax, long bytesMax) throws SQLException;

  /**
   * Looks whether the database is another one than when the log was last written (failover,
   * restore), and if so begins a new epoch behind a bridging window.
   *
   * @return whether a new epoch was begun
   */
  boolean adoptHistory() throws SQLException;

  /**
   * Counts how often the log was found on another server. What was read before under another count
   * may not be in the log.
   */
  long history();
}
