package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Shares pieces of the log among the streams that read it at about the same place, so that many
 * subscribers and slots cost one read. A piece is read once, also when several ask at once; pieces
 * at the log's end are not kept, for they will grow. Thread-safe.
 */
final class ChunkCache {
  static final long BYTES_MAX = 32L << 20;
  static final int CHUNK_MESSAGES_MAX = 4_000;
  static final long CHUNK_BYTES_MAX = 8L << 20;

  /** What a row costs in memory besides its payload, roughly. */
  private static final int ROW_BYTES = 400;

  private final OutboxLog log;
  private final LogTail tail;
  private final MessagingMetrics metrics;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Cursor, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;
  private long history;

  /** A place that was the log's end when the tail had the version. */
  private record End(Cursor position, long version) {}

  private @Nullable End end;

  private static final class Entry {
    final CompletableFuture<OutboxLog.Chunk> chunk = new CompletableFuture<>();
    long bytes;
  }

  ChunkCache(OutboxLog log, LogTail tail, MessagingMetrics metrics) {
    this.log = log;
    this.tail = tail;
    this.metrics = metrics;
  }

  OutboxLog.Chunk read(Cursor after) throws SQLException {
    Entry entry;
    boolean mine = false;
    long version = tail.version();
    lock.lock();
    try {
      forgetOtherHistory();
      if (end != null && end.version() == version && end.position().equals(after)) {
        return new OutboxLog.Chunk(List.of(), after, 0, 0);
      }
      Entry found = entries.get(after);
      if (found == null) {
        found = new Entry();
        entries.put(after, found);
        mine = true;
      }
      entry = found;
    } finally {
      lock.unlock();
    }
    if (mine) {
      load(after, entry, version);
    }
    try {
      return entry.chunk.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof SQLException cause) {
        throw new SQLException(cause.getMessage(), cause.getSQLState(), cause);
      }
      throw e;
    }
  }

  /** Whether a read would be answered at once, and not by the log's end. */
  boolean holds(Cursor after) {
    lock.lock();
    try {
      Entry entry = entries.get(after);
      return entry != null && entry.bytes > 0;
    } finally {
      lock.unlock();
    }
  }

  /** What was read from another server may have been lost with it. */
  private void forgetOtherHistory() {
    long now = log.history();
    if (history != now) {
      forgetAll();
      history = now;
    }
  }

  private void forgetAll() {
    entries.clear();
    bytes = 0;
    end = null;
  }

  private void load(Cursor after, Entry entry, long version) throws SQLException {
    boolean keep = false;
    try {
      OutboxLog.Chunk chunk = log.read(after, CHUNK_MESSAGES_MAX, CHUNK_BYTES_MAX);
      keep = !chunk.end().equals(after);
      metrics.scanned(chunk.scanned());
      if (chunk.lag() == 0 && chunk.end().seq() == Cursor.WINDOW_END) {
        noteEnd(new End(chunk.end(), version));
      }
      entry.chunk.complete(chunk);
    } catch (SQLException | RuntimeException | Error e) {
      entry.chunk.completeExceptionally(e);
      failed();
      throw e;
    } finally {
      settle(after, entry, keep);
    }
  }

  /** What leads to a place that cannot be read may be of a log that is no more. */
  private void failed() {
    lock.lock();
    try {
      forgetAll();
    } finally {
      lock.unlock();
    }
  }

  private void noteEnd(End found) {
    lock.lock();
    try {
      end = found;
    } finally {
      lock.unlock();
    }
  }

  private void settle(Cursor after, Entry entry, boolean keep) {
    lock.lock();
    try {
      if (!keep) {
        entries.remove(after, entry);
      } else if (entries.get(after) == (Object) entry) {
        entry.bytes = size(entry.chunk.join());
        bytes += entry.bytes;
        evict();
      }
    } finally {
      lock.unlock();
    }
  }

  private void evict() {
    var oldest = entries.values().iterator();
    while (bytes > BYTES_MAX && oldest.hasNext()) {
      Entry entry = oldest.next();
      if (entry.bytes > 0) {
        bytes -= entry.bytes;
        oldest.remove();
      }
    }
  }

  private static long size(OutboxLog.Chunk chunk) {
    long size = ROW_BYTES;
    for (OutboxLog.Row row : chunk.rows()) {
      size += ROW_BYTES + row.message().payload().length;
    }
    return size;
  }
}
