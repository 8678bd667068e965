package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Some way to read the log, which {@link LogProperty} judges. Used by one thread at a time. */
interface LogReader {

  /** A message as it was read. */
  record Read(long window, long seq, UUID id, String key, long value) {}

  String name();

  /** Reads on, and moves only when that succeeds. Returns nothing when it has caught up. */
  List<Read> poll() throws SQLException;

  /** What the reader needs kept; empty if it cannot say, and then the whole log is kept. */
  default Optional<Cursor> position() {
    return Optional.empty();
  }
}
