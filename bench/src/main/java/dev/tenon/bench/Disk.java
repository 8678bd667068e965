package dev.tenon.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/** The reference that every durable commit rests on: how fast the disk makes 8 KiB durable. */
final class Disk {
  private static final int PAGE = 8192;
  private static final int PAGES = 128;

  private Disk() {}

  /** Overwrites and flushes (fdatasync) pages of one file for a while; flushes a second. */
  static double flushesPerSecond(Path directory, Duration span) {
    try {
      Path file = Files.createTempFile(directory, "flush", ".bin");
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        return flush(channel, span);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Could not measure the disk [directory=" + directory + "]", e);
    }
  }

  private static double flush(FileChannel channel, Duration span) throws IOException {
    channel.write(ByteBuffer.allocate(PAGE * PAGES));
    channel.force(true);
    ByteBuffer page = ByteBuffer.allocate(PAGE);
    long start = System.nanoTime();
    int flushes = 0;
    while (System.nanoTime() - start < span.toNanos()) {
      page.clear();
      channel.write(page, (long) (flushes % PAGES) * PAGE);
      channel.force(false);
      flushes++;
    }
    return flushes * 1e9 / (System.nanoTime() - start);
  }
}
