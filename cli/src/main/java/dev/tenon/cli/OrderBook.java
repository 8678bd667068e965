package dev.tenon.cli;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  /**
   * The means by which each order is placed, by its number. However few are under way at all, one
   * is placed by messages.
   */
  Map<String, PlaceMode> modes() {
    Map<String, PlaceMode> modes = new HashMap<>();
    Optional<String> first = Optional.empty();
    boolean sends = false;
    for (Invoice invoice : invoices) {
      if (!invoice.cancellation()) {
        PlaceMode mode = PlaceMode.dealtTo(invoice.number());
        modes.put(invoice.number(), mode);
        if (ExpectedBooks.wantsAnything(invoice)) {
          first = first.or(() -> Optional.of(invoice.number()));
          sends |= mode == PlaceMode.MESSAGES;
        }
      }
    }
    if (!sends) {
      first.ifPresent(number -> modes.put(number, PlaceMode.MESSAGES));
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
