package dev.tenon.cli;

import java.util.List;
import java.util.Optional;

/**
 * An invoice of the file: an order, or a cancellation if its number starts with C.
 *
 * @param number the invoice's number
 * @param customer who bought; empty if the file does not say
 * @param lines at least one, in the order of the file
 */
record Invoice(String number, Optional<String> customer, List<OrderLine> lines) {

  Invoice {
    lines = List.copyOf(lines);
  }

  boolean cancellation() {
    return number.startsWith("C") || number.startsWith("c");
  }
}
