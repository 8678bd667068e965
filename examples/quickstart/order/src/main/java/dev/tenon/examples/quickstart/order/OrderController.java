package dev.tenon.examples.quickstart.order;

import jakarta.validation.Valid;
import java.util.List;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
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
  private final Inquiry inquiry;
  private final Orders orders;
  private final OrderTable table;
  private final Cancellations cancellations;

  OrderController(Inquiry inquiry, Orders orders, OrderTable table, Cancellations cancellations) {
    this.inquiry = inquiry;
    this.orders = orders;
    this.table = table;
    this.cancellations = cancellations;
  }

  record Receipt(String orderNo, String status, List<LineResult> lines) {}

  /** Takes an order; what comes of it is to be seen at GET /orders/{orderNo}. */
  @PostMapping("/orders")
  ResponseEntity<?> place(@RequestBody @Valid NewOrder order) {
    if (table.find(order.orderNo()).isEmpty()) { // what was taken once is answered as it was
      inquiry.check(order);
    }
    List<LineResult> lines = orders.place(order);
    return answer(new Receipt(order.orderNo(), "PENDING", lines), lines);
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
    return answer(result, result.lines());
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

  private static ResponseEntity<?> answer(Object receipt, List<LineResult> lines) {
    if (lines.stream().anyMatch(LineResult::taken)) {
      return ResponseEntity.accepted().body(receipt);
    }
    ProblemDetail problem =
        ProblemDetail.forStatusAndDetail(
            HttpStatus.UNPROCESSABLE_CONTENT, "None of the lines can be taken.");
    problem.setProperty("reason", lines.getFirst().reason());
    problem.setProperty("lines", lines);
    return ResponseEntity.of(problem).build();
  }
}
