package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.Item;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.PositiveOrZero;
import jakarta.validation.constraints.Size;
import java.util.List;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** The stock over HTTP. */
@RestController
@RequestMapping("/stock")
class StockController {
  private static final int PRODUCTS_MAX = 10_000;

  private final Stock stock;

  StockController(Stock stock) {
    this.stock = stock;
  }

  record Level(@NotBlank String stockCode, @PositiveOrZero int quantity) {}

  record Opened(int products) {}

  record OnHand(String stockCode, int onHand) {}

  /** Opening levels; a product that is known already keeps its own. */
  @PostMapping
  Opened open(@RequestBody @NotEmpty @Size(max = PRODUCTS_MAX) List<@Valid Level> levels) {
    stock.open(levels.stream().map(each -> new Item(each.stockCode, each.quantity)).toList());
    return new Opened(levels.size());
  }

  @GetMapping("/{stockCode}")
  OnHand onHand(@PathVariable String stockCode) {
    return stock
        .onHand(stockCode)
        .map(onHand -> new OnHand(stockCode, onHand))
        .orElseThrow(
            () -> new ResponseStatusException(HttpStatus.NOT_FOUND, "No product " + stockCode));
  }
}
