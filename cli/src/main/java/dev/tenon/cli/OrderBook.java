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
 * @param scarce how many pieces there are of products that not all orders can have, by product;
 *     each order for one wants {@link ExpectedBooks#SCARCE_WANTED}
 */
record OrderBook(String source, List<Invoice> invoices, Map<String, Long> scarce) {

  OrderBook {
    invoices = List.copyOf(invoices);
    scarce = Map.copyOf(scarce);
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
