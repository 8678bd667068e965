package dev.tenon.cli;

import org.jspecify.annotations.Nullable;

/** A failure that is told to the user as one sentence, without a stack trace. */
final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CliException(String sentence) {
    this(sentence, null);
  }

  CliException(String sentence, @Nullable Throwable cause) {
    super(sentence, cause);
  }
}
