package dev.tenon.global;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.LoggerFactory;

/**
 * Keeps distributed transactions from warning of the failures that a class provokes by the
 * thousand.
 */
final class ExpectedFailures implements BeforeAllCallback, AfterAllCallback {
  private static Logger logger() {
    return (Logger) LoggerFactory.getLogger("dev.tenon.global");
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    logger().setLevel(Level.ERROR);
  }

  @Override
  public void afterAll(ExtensionContext context) {
    logger().setLevel(null);
  }
}
