package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.CatalogueGrpc.CatalogueBlockingStub;
import dev.tenon.examples.quickstart.messages.Products;
import dev.tenon.examples.quickstart.messages.UserApi;
import dev.tenon.grpc.CallFailures;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.RemoteProblemException;
import java.util.List;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/**
 * Asks the owners of users and products, before anything is written and any lock is held, whether
 * an order makes sense. Who does not answer in time is not waited for: the order is taken all the
 * same, and decided by messages when he is back.
 */
@Component
class Inquiry {
  private static final Logger log = LoggerFactory.getLogger(Inquiry.class);

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
      if (e.status() == HttpStatus.NOT_FOUND.value()) {
        throw Requests.problem(
            HttpStatus.UNPROCESSABLE_CONTENT, "UNKNOWN_CUSTOMER", "No user " + customer + ".");
      }
      log.info("customer not checked: {}", e.getMessage());
    } catch (CallException e) {
      log.info("customer not checked: {}", e.getMessage());
    }
  }

  private void checkProducts(List<NewOrder.Line> lines) {
    Products wanted =
        Products.newBuilder()
            .addAllStockCode(lines.stream().map(NewOrder.Line::stockCode).distinct().toList())
            .build();
    List<String> unknown;
    try {
      unknown = CallFailures.typed(() -> catalogue.findUnknown(wanted)).getStockCodeList();
    } catch (CallException e) {
      log.info("products not checked: {}", e.getMessage());
      return;
    }
    if (!unknown.isEmpty()) {
      throw Requests.problem(
          HttpStatus.UNPROCESSABLE_CONTENT, "UNKNOWN_PRODUCT", "No products " + unknown + ".");
    }
  }
}
