package dev.tenon.cli;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A service's jar laid out as plain jars, from which it starts in two thirds of the time.
 *
 * @param mainClass where it starts
 * @param classPath in the order of the jar
 */
record UnpackedApp(String mainClass, List<Path> classPath) {
  private static final String CLASSES = "BOOT-INF/classes/";
  private static final String LIBRARIES = "BOOT-INF/lib/";
  private static final String INDEX = "BOOT-INF/classpath.idx";
  private static final Pattern INDEXED = Pattern.compile("- \"BOOT-INF/lib/([^\"/]+)\"");

  UnpackedApp {
    classPath = List.copyOf(classPath);
  }

  /** The class path as a command line takes it. */
  String classPathText() {
    return String.join(File.pathSeparator, classPath.stream().map(Path::toString).toList());
  }

  /** Unpacks a jar, unless the directory has it already. */
  static UnpackedApp of(Path jar, Path directory) {
    try (JarFile source = new JarFile(jar.toFile())) {
      String version = version(source);
      Path stamp = directory.resolve("unpacked");
      if (!Files.exists(stamp) || !Files.readString(stamp).equals(version)) {
        Files.deleteIfExists(stamp); // first, so that what is half unpacked never counts
        empty(directory);
        unpack(source, directory);
        Files.writeString(stamp, version);
      }
      String index;
      try (InputStream in = source.getInputStream(source.getJarEntry(INDEX))) {
        index = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
      List<Path> classPath = new ArrayList<>(List.of(directory.resolve("app.jar")));
      Matcher lines = INDEXED.matcher(index);
      while (lines.find()) {
        classPath.add(directory.resolve(lines.group(1)));
      }
      String start = source.getManifest().getMainAttributes().getValue("Start-Class");
      return new UnpackedApp(String.valueOf(start), classPath);
    } catch (IOException e) {
      throw new CliException(
          "Could not unpack a service [jar=%s, directory=%s]: %s."
              .formatted(jar, directory, e.getMessage()),
          e);
    }
  }

  /** What is in a jar; its time says nothing, since builds are reproducible. */
  private static String version(JarFile source) {
    StringBuilder version = new StringBuilder();
    source.stream()
        .filter(entry -> !entry.isDirectory())
        .forEach(
            entry ->
                version.append(entry.getName()).append(' ').append(entry.getCrc()).append('\n'));
    return version.toString();
  }

  private static void empty(Path directory) throws IOException {
    Files.createDirectories(directory);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
  }

  private static void unpack(JarFile source, Path directory) throws IOException {
    Path app = directory.resolve("app.jar");
    try (OutputStream file = Files.newOutputStream(app);
        JarOutputStream classes = new JarOutputStream(file)) {
      for (JarEntry entry : source.stream().toList()) {
        String name = entry.getName();
        try (InputStream in = source.getInputStream(entry)) {
          if (name.startsWith(CLASSES) && name.length() > CLASSES.length()) {
            // Entries of directories too: Spring looks for them when it scans a package.
            classes.putNextEntry(new JarEntry(name.substring(CLASSES.length())));
            in.transferTo(classes);
          } else if (name.startsWith(LIBRARIES) && name.endsWith(".jar")) {
            Files.copy(in, directory.resolve(name.substring(LIBRARIES.length())));
          }
        }
      }
    }
  }
}
