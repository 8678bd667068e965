package dev.tenon.spring;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This machine's clock, moved by what a file says, in milliseconds; by nothing if there is no such
 * file, or it is empty. The file is read again a few times a second. For tests. Thread-safe.
 */
final class ShiftedClock implements InstantSource {
  private static final Logger log = LoggerFactory.getLogger(ShiftedClock.class);
  private static final long READ_NANOS = Duration.ofMillis(200).toNanos();

  private final Path file;
  private final InstantSource system;
  private final AtomicLong readAt = new AtomicLong(System.nanoTime() - READ_NANOS);
  private volatile long offsetMillis;

  ShiftedClock(Path file, InstantSource system) {
    this.file = file;
    this.system = system;
  }

  @Override
  public Instant instant() {
    long now = System.nanoTime();
    long last = readAt.get();
    if (now - last >= READ_NANOS && readAt.compareAndSet(last, now)) {
      read();
    }
    return system.instant().plusMillis(offsetMillis);
  }

  private void read() {
    long before = offsetMillis;
    try {
      String text = Files.readString(file).strip();
      offsetMillis = text.isEmpty() ? 0 : Long.parseLong(text);
    } catch (NoSuchFileException e) {
      offsetMillis = 0;
    } catch (IOException | NumberFormatException e) {
      log.atWarn()
          .addKeyValue("file", file)
          .addKeyValue("reason", e.getMessage())
          .log("the offset of the clock could not be read; it stays as it is");
    }
    if (offsetMillis != before) {
      log.atWarn()
          .addKeyValue("millis", offsetMillis)
          .log("the clock has been moved, as tenon.clock-offset-file says");
    }
  }
}
