package dev.tenon.global.spi;

/** What a participant says to a {@link BranchOrder}. */
public enum OrderResult {
  /** It is durably so. */
  DONE,

  /** It could not be done now; say it again. */
  LATER,

  /** It waits for a person at the participant. */
  PARKED,

  /** The participant's database does not have the branch any more; it was restored, perhaps. */
  LOST,

  /** The branch has ended otherwise: somebody forced it. */
  CONFLICT
}
