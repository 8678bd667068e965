package dev.tenon.testing.architecture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The files of this repository, as a person sees them: without build output and hidden tools. */
final class Repository {
  private static final Set<String> SKIPPED = Set.of("target", ".git", ".tenon", ".idea", ".vscode");
  private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");
  private static final Pattern PARENT = Pattern.compile("(?s)<parent>.*?</parent>");
  private static final Pattern ARTIFACT = Pattern.compile("<artifactId>([^<]+)</artifactId>");

  private final Path root;
  private final List<Path> files;

  private Repository(Path root, List<Path> files) {
    this.root = root;
    this.files = files;
  }

  static Repository here() {
    var root = Path.of("").toAbsolutePath();
    while (root != null && !Files.exists(root.resolve("mvnw"))) {
      root = root.getParent();
    }
    if (root == null) {
      throw new IllegalStateException("Could not find the repository: no mvnw above here.");
    }
    var files = new ArrayList<Path>();
    try {
      Files.walkFileTree(root, new Collector(files));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    files.sort(Comparator.naturalOrder());
    return new Repository(root, List.copyOf(files));
  }

  Path root() {
    return root;
  }

  List<Path> files() {
    return files;
  }

  List<Path> files(String suffix) {
    return files.stream().filter(f -> f.getFileName().toString().endsWith(suffix)).toList();
  }

  /** All Java files of the modules' main code. */
  List<Path> mainJava() {
    return files(".java").stream().filter(f -> relative(f).contains("src/main/java/")).toList();
  }

  String relative(Path file) {
    return root.relativize(file).toString().replace('\\', '/');
  }

  String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException("Could not read " + file, e);
    }
  }

  /** The folders of the reactor's modules, in the order of the root pom. */
  List<String> modules() {
    return MODULE
        .matcher(text(root.resolve("pom.xml")))
        .results()
        .map(match -> match.group(1))
        .toList();
  }

  String artifactId(String module) {
    var pom = PARENT.matcher(text(root.resolve(module).resolve("pom.xml"))).replaceAll("");
    var matcher = ARTIFACT.matcher(pom);
    return matcher.find() ? matcher.group(1) : "";
  }

  private static final class Collector extends SimpleFileVisitor<Path> {
    private final List<Path> files;

    private Collector(List<Path> files) {
      this.files = files;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
      return SKIPPED.contains(dir.getFileName().toString())
          ? FileVisitResult.SKIP_SUBTREE
          : FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      if (attributes.isRegularFile()) {
        files.add(file);
      }
      return FileVisitResult.CONTINUE;
    }
  }
}
