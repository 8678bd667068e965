package dev.tenon.spring;

import static java.util.Objects.requireNonNull;

/** The application is not set up as Tenon needs it: what is wrong, and what to change. */
final class SetupException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String action;

  SetupException(String description, String action) {
    super(requireNonNull(description, "description"));
    this.action = requireNonNull(action, "action");
  }

  String action() {
    return action;
  }
}
