package dev.tenon.cli;

import java.util.Optional;

/** What to open and try while the demo is up. */
final class NextSteps {
  private NextSteps() {}

  static String text(OrderBook input, DemoServices services) {
    Optional<Invoice> some =
        input.invoices().stream()
            .filter(one -> !one.cancellation() && one.customer().isPresent())
            .findFirst();
    StringBuilder text = new StringBuilder();
    text.append("\nThe demo is up until Ctrl-C. Try:\n");
    some.ifPresent(
        order -> {
          String customer = order.customer().orElseThrow();
          String product = order.lines().getFirst().stockCode();
          line(text, "curl " + services.url("order") + "/orders/" + order.number());
          line(text, "curl '" + services.url("order") + "/orders?customer=" + customer + "'");
          line(text, "curl " + services.url("user") + "/users/" + customer);
          line(text, "curl " + services.url("order") + "/users-copy/" + customer);
          line(text, "curl " + services.url("inventory") + "/stock/" + product);
          line(text, "curl " + services.url("payment") + "/ledger/" + order.number());
          line(
              text,
              "curl -H 'Content-Type: application/json' -d "
                  + "'{\"orderNo\":\"mine-1\",\"customerId\":\"%s\",".formatted(customer)
                  + "\"lines\":[{\"stockCode\":\"%s\",\"quantity\":1,\"unitPrice\":1.50}]}' "
                      .formatted(product)
                  + "'"
                  + services.url("order")
                  + "/orders?mode=mixed'");
          text.append("Delete a row by hand, and see that the audit misses it (it also lists\n");
          text.append("orders of your own, of which the file does not know):\n");
          line(
              text,
              "./tenon sql --service inventory \"delete from stock where stock_code = '%s'\""
                  .formatted(order.lines().getLast().stockCode()));
          line(text, "./tenon audit");
        });
    text.append("Look behind:\n");
    services.urls().forEach((name, url) -> line(text, "%s/actuator/health".formatted(url)));
    line(text, "./tenon subscriptions list --service order");
    line(text, "./tenon messages list --service inventory");
    line(text, "./tenon transactions list");
    line(text, "less " + services.log("order"));
    return text.toString();
  }

  private static void line(StringBuilder text, String line) {
    text.append("  ").append(line).append('\n');
  }
}
