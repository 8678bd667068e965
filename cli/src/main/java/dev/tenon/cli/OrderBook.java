package dev.tenon.cli;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The input of a demo.
 *
 * @param source what to call it: a file's name
 * @param invoices in the order of the file
 * @param soldOut products of which there is no stock at all
 */
record OrderBook(String source, List<Invoice> invoices, Set<String> soldOut) {

  OrderBook {
    invoices = List.copyOf(invoices);
    soldOut = Set.copyOf(soldOut);
  }

  int lines() {
    return invoices.stream().mapToInt(invoice -> invoice.lines().size()).sum();
  }

  /** The means by which each order is placed, by its number. */
  Map<String, PlaceMode> modes() {
    Map<String, PlaceMode> modes = new HashMap<>();
    for (Invoice invoice : invoices) {
      if (!invoice.cancellation()) {
        modes.put(invoice.number(), PlaceMode.dealtTo(invoice.number()));
      }
    }
    return modes;
  }

  /** Everybody who is named, sorted. */
  Set<String> customers() {
    Set<String> customers = new TreeSet<>();
    invoices.forEach(invoice -> invoice.customer().ifPresent(customers::add));
    return customers;
  }
}
