package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What a line of the log looks like. */
@ExtendWith(OutputCaptureExtension.class)
class LogPatternsTest {
  @SpringBootConfiguration
  static class Empty {}

  @BeforeEach
  @AfterEach
  void forget() {
    System.clearProperty("CONSOLE_LOG_PATTERN");
    System.clearProperty("FILE_LOG_PATTERN");
  }

  @Test
  void aLineEndsWithWhatItIsAbout(CapturedOutput output) {
    start();

    assertThat(output.getOut())
        .containsPattern(
            "(?m)^\\d{4}-\\d\\d-\\d\\dT\\S+ +WARN \\d+ --- \\[.{15}] dev.tenon.Line +:"
                + " broken endpoint=\"a:1\" attempts=\"3\"$")
        .containsPattern("(?m)^.+ : nothing to add$");
  }

  @Test
  void aPatternOfTheApplicationCounts(CapturedOutput output) {
    start("--logging.pattern.console=mine %m%n");

    assertThat(output.getOut()).containsPattern("(?m)^mine broken$");
  }

  private static void start(String... arguments) {
    try (var unused =
        new SpringApplicationBuilder(Empty.class)
            .web(WebApplicationType.NONE)
            .properties("logging.config=classpath:logback-boot.xml")
            .run(arguments)) {
      var log = LoggerFactory.getLogger("dev.tenon.Line");
      log.atWarn().addKeyValue("endpoint", "a:1").addKeyValue("attempts", 3).log("broken");
      log.warn("nothing to add");
    } finally {
      LoggingSystem.get(LogPatternsTest.class.getClassLoader()).cleanUp();
    }
  }
}
