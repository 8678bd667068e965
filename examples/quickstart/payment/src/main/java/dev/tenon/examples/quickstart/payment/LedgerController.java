package dev.tenon.examples.quickstart.payment;

import java.util.List;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** The ledger over HTTP. */
@RestController
class LedgerController {
  private final Ledger ledger;

  LedgerController(Ledger ledger) {
    this.ledger = ledger;
  }

  /** What was booked for an order or a cancellation; empty if nothing was. */
  @GetMapping("/ledger/{reference}")
  List<Ledger.Entry> entries(@PathVariable String reference) {
    return ledger.entries(reference);
  }
}
