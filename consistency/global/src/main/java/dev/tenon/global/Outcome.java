package dev.tenon.global;

/** How a distributed transaction, or one branch of it, ends. */
public enum Outcome {
  /** It is confirmed. */
  COMMITTED,

  /** It is undone. */
  ABORTED
}
