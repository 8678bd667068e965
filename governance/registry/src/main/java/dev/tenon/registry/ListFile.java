package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The last list of a client, for a start while no registry is reached. The file is replaced whole,
 * so a crash leaves the old one or the new one. One that cannot be read counts as none: it is only
 * a help. Not thread-safe; one process a file.
 */
final class ListFile {
  /** A larger file is not read. */
  static final long BYTES_MAX = 256L << 20;

  private static final Logger log = LoggerFactory.getLogger(ListFile.class);
  private static final int FORMAT = 1;

  private final Path file;

  /** What stands in the file. */
  record Content(int format, List<Registration> instances) {}

  ListFile(Path file) {
    this.file = requireNonNull(file, "file").toAbsolutePath();
  }

  /** What was written last; empty if there is nothing that can be read. */
  List<Registration> read() {
    try {
      if (!Files.exists(file)) {
        return List.of();
      }
      if (Files.size(file) > BYTES_MAX) {
        throw new IOException("larger than " + BYTES_MAX + " bytes");
      }
      Content content = Json.read(Files.readAllBytes(file), Content.class);
      if (content.format() != FORMAT) {
        throw new IOException("format: " + content.format() + " (expected: " + FORMAT + ")");
      }
      return List.copyOf(content.instances());
    } catch (IOException | RuntimeException e) {
      log.atWarn()
          .addKeyValue("file", file)
          .addKeyValue("reason", e.toString())
          .log("the last list of instances cannot be read; it is asked for anew");
      return List.of();
    }
  }

  /**
   * Replaces what was written before.
   *
   * @throws IOException if it cannot be written; the old one is still there
   */
  void write(List<Registration> instances) throws IOException {
    Path directory = requireNonNull(file.getParent(), "parent of the file");
    Files.createDirectories(directory);
    Path next = Files.createTempFile(directory, "instances", ".tmp");
    try {
      try (FileChannel channel = FileChannel.open(next, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(Json.write(new Content(FORMAT, instances)));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(next);
    }
  }
}
