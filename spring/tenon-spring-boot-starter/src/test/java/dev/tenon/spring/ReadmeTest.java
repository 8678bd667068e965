package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The README's first code is code that compiles. */
class ReadmeTest {
  private static final Path README = Path.of("../../README.md");
  private static final Path COMPILED = Path.of("src/test/java/dev/tenon/spring/ReadmeStart.java");

  @Test
  void showsTheStartThatIsCompiled() throws IOException {
    String shown = between(Files.readString(README), "```java\n", "```");
    String compiled = between(Files.readString(COMPILED), "// begin\n", "// end");

    assertThat(shown)
        .isEqualToNormalizingNewlines(
            compiled.replace("static class", "class").stripIndent().stripTrailing() + "\n");
    assertThat(shown.lines()).hasSizeLessThan(40);
  }

  private static String between(String text, String begin, String end) {
    int from = text.indexOf(begin);
    assertThat(from).as(begin).isNotNegative();
    int to = text.indexOf(end, from + begin.length());
    return text.substring(from + begin.length(), to);
  }
}
