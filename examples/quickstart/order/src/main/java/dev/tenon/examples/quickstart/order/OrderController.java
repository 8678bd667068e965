package dev.tenon.examples.quickstart.order;

import dev.tenon.global.GlobalTransactionException;
import jakarta.validation.Valid;
import java.util.List;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Orders and cancellations over HTTP. Every request may be repeated: its number makes it one. */
@RestController
class OrderController {
  private static final String RETRY_AFTER_SECONDS = "1";

  private final Desk desk;
  private final OrderTable table;
  private final Cancellations cancellations;

  OrderController(Desk desk, OrderTable table, Cancellations cancellations) {
    this.desk = desk;
    this.table = table;
    this.cancellations = cancellations;
  }

  /**
   * Takes an order. In modes messages and saga what comes of it is to be seen at GET
   * /orders/{orderNo}: 202. In the others it is decided when it is answered: 201.
   */
  @PostMapping("/orders")
  ResponseEntity<?> place(
      @RequestParam(defaultValue = "messages") String mode, @RequestBody @Valid NewOrder order) {
    Mode by = Mode.of(mode);
    Desk.Receipt receipt = desk.place(order, by);
    HttpStatus done = by.prompt() ? HttpStatus.CREATED : HttpStatus.ACCEPTED;
    return answer(done, receipt, receipt.lines());
  }

  /** A transaction that was not committed, or of which it is not known, leaves no doubt behind. */
  @ExceptionHandler
  ResponseEntity<ProblemDetail> failed(GlobalTransactionException failure) {
    ProblemDetail problem =
        ProblemDetail.forStatusAndDetail(
            HttpStatus.SERVICE_UNAVAILABLE,
            "The order could not be placed now. Repeat the request: it is placed once.");
    problem.setProperty("reason", "TRANSACTION_" + failure.told());
    return ResponseEntity.of(problem).header(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS).build();
  }

  @GetMapping("/orders/{orderNo}")
  OrderTable.Order order(@PathVariable String orderNo) {
    return table
        .find(orderNo)
        .orElseThrow(
            () -> new ResponseStatusException(HttpStatus.NOT_FOUND, "No order " + orderNo));
  }

  @GetMapping("/orders")
  List<OrderTable.Summary> orders(@RequestParam String customer) {
    return table.ofCustomer(customer);
  }

  /** Takes goods back. */
  @PostMapping("/cancellations")
  ResponseEntity<?> cancel(@RequestBody @Valid NewCancellation cancellation) {
    Cancellations.Result result = cancellations.cancel(cancellation);
    return answer(HttpStatus.ACCEPTED, result, result.lines());
  }

  @GetMapping("/cancellations/{cancellationNo}")
  Cancellations.Result cancellation(@PathVariable String cancellationNo) {
    return cancellations
        .find(cancellationNo)
        .orElseThrow(
            () ->
                new ResponseStatusException(
                    HttpStatus.NOT_FOUND, "No cancellation " + cancellationNo));
  }

  private static ResponseEntity<?> answer(HttpStatus done, Object receipt, List<LineResult> lines) {
    if (lines.stream().anyMatch(LineResult::taken)) {
      return ResponseEntity.status(done).body(receipt);
    }
    ProblemDetail problem =
        ProblemDetail.forStatusAndDetail(
            HttpStatus.UNPROCESSABLE_CONTENT, "None of the lines can be taken.");
    problem.setProperty("reason", lines.getFirst().reason());
    problem.setProperty("lines", lines);
    return ResponseEntity.of(problem).build();
  }
}
