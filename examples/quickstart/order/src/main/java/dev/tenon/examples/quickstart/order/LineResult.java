package dev.tenon.examples.quickstart.order;

import org.jspecify.annotations.Nullable;

/** What became of one line of an order or a cancellation, counted from 1. */
record LineResult(int lineNo, String status, @Nullable String reason) {
  static final String REJECTED = "REJECTED";

  boolean taken() {
    return !status.equals(REJECTED);
  }
}
