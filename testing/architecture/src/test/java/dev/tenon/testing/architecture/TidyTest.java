package dev.tenon.testing.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The repository keeps its own rules: those of STYLE.md that a machine can see. */
class TidyTest {
  private static final int FILES_AT_LEAST = 120;
  private static final int MODULES_AT_LEAST = 15;
  private static final int FILE_BYTES_MAX = 300 * 1024;

  private static final Pattern TODO = Pattern.compile("\\b(TODO|FIXME|XXX)\\b(?!.*#\\d+)");
  private static final Pattern LINK = Pattern.compile("(?<!`)\\[[^\\]]*]\\(([^)\\s]+)\\)");
  private static final Pattern CODE_BLOCK = Pattern.compile("(?ms)^```.*?^```");
  private static final Pattern MAP_ENTRY = Pattern.compile("(?m)^### `([^`]+)`");
  private static final Pattern PACKAGE = Pattern.compile("(?m)^package ([\\w.]+);");
  private static final Pattern TEST = Pattern.compile("(?m)^\\s*@(Test|ParameterizedTest)\\b");
  private static final Pattern TEST_NAME =
      Pattern.compile(".*(Test|Tests|IT|Simulation|Contract)\\.java");

  private final Repository repository = Repository.here();

  @Test
  void seesTheRepository() {
    assertThat(repository.files()).hasSizeGreaterThanOrEqualTo(FILES_AT_LEAST);
    assertThat(repository.modules()).hasSizeGreaterThanOrEqualTo(MODULES_AT_LEAST);
    assertThat(repository.mainJava()).isNotEmpty();
  }

  @Test
  void everyPackageSaysWhatItIsForAndIsNullMarked() {
    var packages = repository.mainJava().stream().map(Path::getParent).distinct().toList();

    assertThat(packages)
        .allSatisfy(
            folder -> {
              var info = folder.resolve("package-info.java");
              assertThat(info).exists();
              assertThat(repository.text(info)).startsWith("/**").contains("@NullMarked");
            });
  }

  @Test
  void everyTodoNamesAnIssue() {
    var found = new ArrayList<String>();
    for (var file : repository.files()) {
      if (isText(file) && !file.endsWith("TidyTest.java")) {
        repository
            .text(file)
            .lines()
            .filter(line -> TODO.matcher(line).find())
            .forEach(line -> found.add(repository.relative(file) + ": " + line.strip()));
      }
    }

    assertThat(found).isEmpty();
  }

  @Test
  void relativeLinksInDocumentsResolve() {
    var broken = new ArrayList<String>();
    for (var file : repository.files(".md")) {
      var text = CODE_BLOCK.matcher(repository.text(file)).replaceAll("");
      LINK.matcher(text)
          .results()
          .map(match -> match.group(1))
          .filter(link -> !link.matches("(https?|mailto):.*|#.*"))
          .filter(link -> !Files.exists(file.resolveSibling(link.replaceFirst("#.*", ""))))
          .forEach(link -> broken.add(repository.relative(file) + ": " + link));
    }

    assertThat(broken).isEmpty();
  }

  @Test
  void theCodeMapNamesTheModulesOfTheBuild() {
    var map =
        MAP_ENTRY
            .matcher(repository.text(repository.root().resolve("ARCHITECTURE.md")))
            .results()
            .map(match -> match.group(1))
            .toList();

    assertThat(map).containsExactlyInAnyOrderElementsOf(repository.modules());
  }

  @Test
  void everyModuleOnDiskIsInTheBuild() {
    var poms =
        repository.files("pom.xml").stream()
            .map(pom -> repository.relative(pom.getParent()))
            .filter(folder -> !folder.isEmpty())
            .collect(Collectors.toSet());

    assertThat(repository.modules()).containsExactlyInAnyOrderElementsOf(poms);
  }

  @Test
  void folderArtifactAndPackageDeriveFromOneAnother() {
    for (var module : repository.modules()) {
      var names = ModuleNames.of(module);

      assertThat(repository.artifactId(module)).isEqualTo(names.artifactId());
      assertThat(packagesIn(module)).isSubsetOf(names.packageName(), names.packageName() + ".spi");
    }
  }

  @Test
  void everyTestHasANameThatRuns() {
    var tests =
        repository.files(".java").stream()
            .filter(file -> TEST.matcher(repository.text(file)).find())
            .toList();

    assertThat(tests).isNotEmpty();
    assertThat(tests)
        .allSatisfy(file -> assertThat(file.getFileName().toString()).matches(TEST_NAME));
  }

  @Test
  void noFileIsBig() throws IOException {
    for (var file : repository.files()) {
      assertThat(Files.size(file)).as(repository.relative(file)).isLessThan(FILE_BYTES_MAX);
    }
  }

  private List<String> packagesIn(String module) {
    return repository.mainJava().stream()
        .filter(file -> repository.relative(file).startsWith(module + "/src/"))
        .map(repository::text)
        .flatMap(text -> PACKAGE.matcher(text).results())
        .map(match -> match.group(1))
        .distinct()
        .toList();
  }

  private static boolean isText(Path file) {
    return file.toString()
        .matches(".*\\.(java|xml|md|sql|sh|yml|yaml|properties|json|js|css|html|factories)");
  }
}
