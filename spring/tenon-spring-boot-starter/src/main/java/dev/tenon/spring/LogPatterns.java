package dev.tenon.spring;

import java.util.Map;
import org.springframework.boot.EnvironmentPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.MapPropertySource;
import org.springframework.util.ClassUtils;

/**
 * Lets a line of the log end with its key-value pairs. Tenon says with them which service, message
 * or endpoint a line is about, and Spring Boot's patterns for Logback leave them out. These are
 * Boot's patterns but for that, and yield to any that the application sets.
 */
final class LogPatterns implements EnvironmentPostProcessor {
  private static final String LOGBACK = "ch.qos.logback.classic.LoggerContext";

  // The escaped placeholders are Logback's own, and resolved by it.
  private static final String TIME =
      "%d{\\${LOG_DATEFORMAT_PATTERN:-yyyy-MM-dd'T'HH:mm:ss.SSSXXX}}";
  private static final String LEVEL = "\\${LOG_LEVEL_PATTERN:-%5p}";
  private static final String PROCESS = "\\${PID:-}";
  private static final String NAME = "--- %esb(){APPLICATION_NAME}%esb{APPLICATION_GROUP}";
  private static final String CORRELATION = "\\${LOG_CORRELATION_PATTERN:-}";
  private static final String LOGGER = "%-40.40logger{39}";
  private static final String MESSAGE = "%m%replace( %kvp){'^ $',''}%n";
  private static final String FAILURE = "\\${LOG_EXCEPTION_CONVERSION_WORD:-%wEx}";

  private static final String CONSOLE =
      "%clr("
          + TIME
          + "){faint} %clr("
          + LEVEL
          + ") %clr("
          + PROCESS
          + "){magenta} %clr("
          + NAME
          + "[%15.15t] "
          + CORRELATION
          + "){faint}%clr("
          + LOGGER
          + "){cyan} %clr(:){faint} "
          + MESSAGE
          + FAILURE;
  private static final String FILE =
      String.join(" ", TIME, LEVEL, PROCESS, NAME)
          + "[%t] "
          + CORRELATION
          + LOGGER
          + " : "
          + MESSAGE
          + FAILURE;

  @Override
  public void postProcessEnvironment(
      ConfigurableEnvironment environment, SpringApplication application) {
    if (ClassUtils.isPresent(LOGBACK, LogPatterns.class.getClassLoader())) {
      environment
          .getPropertySources()
          .addLast(
              new MapPropertySource(
                  "tenonLogPatterns",
                  Map.of("logging.pattern.console", CONSOLE, "logging.pattern.file", FILE)));
    }
  }
}
