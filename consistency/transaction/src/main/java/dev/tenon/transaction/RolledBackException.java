package dev.tenon.transaction;

/** A commit was refused because joined work had failed or asked for rollback. Nothing committed. */
public final class RolledBackException extends TransactionException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param service the service whose database it was
   */
  public RolledBackException(String service) {
    super(
        "Could not commit the unit of work [service="
            + service
            + "]: joined work failed or asked for rollback. Let its exception pass, or run it in a"
            + " unit of its own.");
  }
}
