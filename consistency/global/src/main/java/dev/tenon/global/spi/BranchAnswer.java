package dev.tenon.global.spi;

/** What the starter of a distributed transaction says about one branch. */
public enum BranchAnswer {
  /** Confirm it: the transaction is committed, and lists it. */
  COMMIT,

  /** Undo it. */
  ABORT,

  /** The transaction is not decided: ask again later. */
  PENDING,

  /** Nobody can say any more: the branch must be parked for a person. */
  UNKNOWN
}
