package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Answer;
import dev.tenon.examples.quickstart.messages.Item;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.OrderRejected;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Outbox;
import dev.tenon.spring.MessageHandler;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * The life of an order: placed, then answered by inventory and payment in any order, then confirmed
 * if both did what was asked, or rejected at the first refusal.
 */
@Service
class Orders {
  private final OrderTable table;
  private final Outbox outbox;

  Orders(OrderTable table, Outbox outbox) {
    this.table = table;
    this.outbox = outbox;
  }

  /** Takes an order, and asks for stock and money with the same commit. May be repeated. */
  @Transactional
  public List<LineResult> place(NewOrder order) {
    List<NewOrder.Line> accepted = order.accepted();
    BigDecimal amount =
        accepted.stream().map(NewOrder.Line::amount).reduce(BigDecimal.ZERO, BigDecimal::add);
    String hash = Requests.hash(order);
    if (!table.insert(order, amount, hash)) {
      return repeated(order.orderNo(), hash);
    }
    table.insertLines(order);
    if (!accepted.isEmpty()) {
      List<Item> items =
          Requests.items(accepted.stream(), NewOrder.Line::stockCode, NewOrder.Line::quantity);
      String customer = Objects.requireNonNull(order.customerId());
      outbox.publish(
          Topics.ORDER_PLACED,
          order.orderNo(),
          new OrderPlaced(order.orderNo(), customer, amount, items));
    }
    return table.lineResults(order.orderNo());
  }

  private List<LineResult> repeated(String orderNo, String hash) {
    if (!table.hash(orderNo).equals(hash)) {
      throw Requests.differentBody(orderNo);
    }
    return table.lineResults(orderNo);
  }

  @MessageHandler(from = "inventory", topic = Topics.STOCK_RESERVED)
  void stockReserved(Answer answer) {
    decide(table.stockAnswered(answer.orderNo(), OrderTable.Step.DONE));
  }

  @MessageHandler(from = "inventory", topic = Topics.STOCK_REFUSED)
  void stockRefused(Answer answer) {
    decide(table.stockAnswered(answer.orderNo(), OrderTable.Step.REFUSED));
  }

  @MessageHandler(from = "payment", topic = Topics.PAYMENT_CHARGED)
  void paymentCharged(Answer answer) {
    decide(table.paymentAnswered(answer.orderNo(), OrderTable.Step.DONE));
  }

  @MessageHandler(from = "payment", topic = Topics.PAYMENT_REFUSED)
  void paymentRefused(Answer answer) {
    decide(table.paymentAnswered(answer.orderNo(), OrderTable.Step.REFUSED));
  }

  /**
   * The order's row is locked by the answer just noted, so both answers are seen by one of them.
   */
  private void decide(OrderTable.State order) {
    if (!order.status().equals("PENDING")) {
      return;
    }
    String reason = refusal(order);
    if (reason != null) {
      table.end(order.orderNo(), LineResult.REJECTED, reason);
      outbox.publish(
          Topics.ORDER_REJECTED, order.orderNo(), new OrderRejected(order.orderNo(), reason));
    } else if (order.stock() == OrderTable.Step.DONE && order.payment() == OrderTable.Step.DONE) {
      table.end(order.orderNo(), "CONFIRMED", null);
    }
  }

  private static @Nullable String refusal(OrderTable.State order) {
    if (order.stock() == OrderTable.Step.REFUSED) {
      return "OUT_OF_STOCK";
    }
    return order.payment() == OrderTable.Step.REFUSED ? "CHARGE_REFUSED" : null;
  }
}
