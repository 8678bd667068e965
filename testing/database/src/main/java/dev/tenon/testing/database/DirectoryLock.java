package dev.tenon.testing.database;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A lock file: held by one thread of one process at a time. The operating system frees it when the
 * process ends, however it ends.
 */
final class DirectoryLock implements AutoCloseable {

  /**
   * A file lock belongs to the whole JVM, and closing any channel to the file drops it; so threads
   * of this JVM take turns here before one of them opens the file.
   */
  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final ReentrantLock threads;
  private final FileChannel channel;

  private DirectoryLock(ReentrantLock threads, FileChannel channel) {
    this.threads = threads;
    this.channel = channel;
  }

  /**
   * Takes the lock, waiting for at most {@code timeout}.
   *
   * @throws IOException if the file cannot be created or locked, or the time is over
   */
  static DirectoryLock acquire(Path file, Duration timeout) throws IOException {
    Deadline deadline = Deadline.in(timeout);
    Path key = file.toAbsolutePath().normalize();
    ReentrantLock threads = THREADS.computeIfAbsent(key, path -> new ReentrantLock());
    if (!tryLock(threads, timeout)) {
      throw timedOut(file, timeout);
    }
    FileChannel channel = null;
    try {
      channel = FileChannel.open(key, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      while (tryLock(channel) == null) {
        if (deadline.passed()) {
          throw timedOut(file, timeout);
        }
        Deadline.pause();
      }
      return new DirectoryLock(threads, channel);
    } catch (IOException | RuntimeException e) {
      try {
        if (channel != null) {
          channel.close();
        }
      } finally {
        threads.unlock();
      }
      throw e;
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    return channel.tryLock();
  }

  private static boolean tryLock(ReentrantLock threads, Duration timeout) throws IOException {
    try {
      return threads.tryLock(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for another thread", e);
    }
  }

  private static IOException timedOut(Path file, Duration timeout) {
    return new IOException("another process held " + file + " for more than " + timeout);
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      threads.unlock();
    }
  }
}
