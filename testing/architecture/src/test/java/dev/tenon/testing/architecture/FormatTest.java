package dev.tenon.testing.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every Java file has the form that {@code ./format} gives it. */
class FormatTest {
  private static final int FILES_AT_LEAST = 80;

  private final Repository repository = Repository.here();

  @Test
  void everyJavaFileIsFormatted() {
    var files = repository.files(".java");

    assertThat(files).hasSizeGreaterThanOrEqualTo(FILES_AT_LEAST);
    assertThat(unformatted(files)).as("run ./format, and commit what it changed").isEmpty();
  }

  @Test
  void anUnformattedFileIsFound(@TempDir Path folder) throws Exception {
    var crooked = folder.resolve("Crooked.java");
    Files.writeString(crooked, "class   Crooked{ }\n");

    assertThat(unformatted(List.of(crooked))).contains("Crooked.java");
  }

  private static String unformatted(List<Path> files) {
    var formatter = ToolProvider.findFirst("google-java-format").orElseThrow();
    var out = new StringWriter();
    var arguments = new ArrayList<>(List.of("--dry-run"));
    files.forEach(file -> arguments.add(file.toString()));
    formatter.run(
        new PrintWriter(out, true), new PrintWriter(out, true), arguments.toArray(String[]::new));
    return out.toString();
  }
}
