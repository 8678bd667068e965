package dev.tenon.registry;

/**
 * When leases that are over end. Many at once are rather a sign that the registry was not reached
 * than that so many processes have died: then nobody is taken out.
 */
final class ExpiryRule {
  /** So few may always expire. */
  static final int ALWAYS_MAX = 3;

  /** The largest share of all instances that may expire at once, in percent. */
  static final int SHARE_MAX = 30;

  private static final int WHOLE = 100;

  private ExpiryRule() {}

  /** What is to be done. */
  enum Verdict {
    NOTHING,
    EXPIRE,
    PAUSE
  }

  /**
   * Says what is to be done.
   *
   * @param instances how many there are, those included whose lease is over
   * @param over how many of them have a lease that is over
   */
  static Verdict of(int instances, int over) {
    if (over == 0) {
      return Verdict.NOTHING;
    }
    return over <= ALWAYS_MAX || (long) over * WHOLE <= (long) instances * SHARE_MAX
        ? Verdict.EXPIRE
        : Verdict.PAUSE;
  }
}
