package dev.tenon.testing.crash;

/**
 * The simulated processes died here. Do not catch it: from now on every call of theirs to a
 * database or another service throws it again.
 */
public final class SimulatedCrash extends Error {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param message where the crash happened
   */
  SimulatedCrash(String message) {
    super(message);
  }
}
