package dev.tenon.global;

/** What to do where a distributed transaction is under way on the thread already. */
public enum Nesting {
  /** Be part of it. */
  JOIN,

  /** Start another one, which ends by itself whatever becomes of the outer one. */
  INDEPENDENT
}
