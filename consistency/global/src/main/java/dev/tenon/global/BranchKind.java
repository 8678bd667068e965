package dev.tenon.global;

/** How a branch is confirmed and undone. */
public enum BranchKind {
  /** A saga's step: its effect stands at once, and a stored compensation undoes it. */
  SAGA,

  /** Try, confirm, cancel: the try reserves. */
  TCC,

  /** Prepared by the database, which commits it or rolls it back. */
  XA,

  /** Automatic: triggers have kept what the rows were, and put them back. */
  AT
}
