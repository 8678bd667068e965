package dev.tenon.transport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;

/** What changes when a file is written or replaced; a link counts as what it leads to. */
record FileStamp(Instant modified, long bytes, Object fileKey) {

  static FileStamp of(Path file) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    Object fileKey = attributes.fileKey();
    return new FileStamp(
        attributes.lastModifiedTime().toInstant(),
        attributes.size(),
        fileKey == null ? "" : fileKey);
  }
}
