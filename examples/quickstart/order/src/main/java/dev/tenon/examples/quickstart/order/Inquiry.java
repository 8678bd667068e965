package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.CatalogueGrpc.CatalogueBlockingStub;
import dev.tenon.examples.quickstart.messages.Products;
import dev.tenon.examples.quickstart.messages.UserApi;
import dev.tenon.invocation.RemoteProblemException;
import java.util.List;
import java.util.Objects;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/**
 * Asks the owners of users and products, before anything is written and any lock is held, whether
 * an order makes sense. If one of them is away, the order is not taken: the answer is 503.
 */
@Component
class Inquiry {
  private final UserApi users;
  private final CatalogueBlockingStub catalogue;

  Inquiry(UserApi users, CatalogueBlockingStub catalogue) {
    this.users = users;
    this.catalogue = catalogue;
  }

  void check(NewOrder order) {
    List<NewOrder.Line> lines = order.accepted();
    if (!lines.isEmpty()) {
      checkCustomer(Objects.requireNonNull(order.customerId()));
      checkProducts(lines);
    }
  }

  private void checkCustomer(String customer) {
    try {
      users.find(customer);
    } catch (RemoteProblemException e) {
      if (e.status() != HttpStatus.NOT_FOUND.value()) {
        throw e;
      }
      throw Requests.problem(
          HttpStatus.UNPROCESSABLE_CONTENT, "UNKNOWN_CUSTOMER", "No user " + customer + ".");
    }
  }

  private void checkProducts(List<NewOrder.Line> lines) {
    Products wanted =
        Products.newBuilder()
            .addAllStockCode(lines.stream().map(NewOrder.Line::stockCode).distinct().toList())
            .build();
    List<String> unknown = catalogue.findUnknown(wanted).getStockCodeList();
    if (!unknown.isEmpty()) {
      throw Requests.problem(
          HttpStatus.UNPROCESSABLE_CONTENT, "UNKNOWN_PRODUCT", "No products " + unknown + ".");
    }
  }
}
