package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** Reads the log as a subscriber does: closes a window, then reads on from its cursor. */
final class WindowReader implements LogReader {
  private final String name;
  private final OutboxLog log;
  private final RandomGenerator random;
  private Cursor cursor;

  WindowReader(String name, OutboxLog log, RandomGenerator random) throws SQLException {
    this.name = name;
    this.log = log;
    this.random = random;
    this.cursor = log.beginning();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public List<Read> poll() throws SQLException {
    log.closeWindow();
    if (!log.knows(cursor)) {
      throw new IllegalStateException(name + " holds a position that the log does not know");
    }
    int messagesMax = random.nextInt(1, 200);
    OutboxLog.Chunk chunk = log.read(cursor, messagesMax, random.nextLong(10, 5_000));
    cursor = chunk.end();
    return chunk.rows().stream().map(WindowReader::read).toList();
  }

  private static Read read(OutboxLog.Row row) {
    Message message = row.message();
    return new Read(
        row.window(),
        row.seq(),
        message.id(),
        message.key().orElseThrow(),
        Long.parseLong(new String(message.payload(), java.nio.charset.StandardCharsets.US_ASCII)));
  }

  @Override
  public Optional<Cursor> position() {
    return Optional.of(cursor);
  }
}
