package dev.tenon.examples.quickstart.order;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import dev.tenon.examples.quickstart.inventory.InventoryApplication;
import dev.tenon.examples.quickstart.payment.PaymentApplication;
import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.LoggerFactory;

@ExtendWith(CrashExplorerExtension.class)
class QuickstartCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration PASSING = Duration.ofSeconds(20);

  @BeforeAll
  static void expectFailures() {
    loggers().forEach(logger -> logger.setLevel(Level.OFF));
  }

  @AfterAll
  static void expectNoMoreFailures() {
    loggers().forEach(logger -> logger.setLevel(null));
  }

  private static List<Logger> loggers() {
    return Stream.of("dev.tenon.messaging", "org.springframework.jdbc")
        .map(name -> (Logger) LoggerFactory.getLogger(name))
        .toList();
  }

  @Test
  void settlesEveryOrderOnceWhereverAServiceDies(CrashExplorer explorer) throws Exception {
    try (Flow flow = new Flow()) {
      Exploration exploration =
          explorer.sample(40).secondCrashes(10).explore(flow).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(20);
      assertThat(exploration.sends()).isGreaterThan(10);
    }
  }

  /**
   * One order that is confirmed and then sent back, one that is out of stock, one too expensive.
   * The client repeats what was not answered.
   */
  private static final class Flow implements Scenario, AutoCloseable {
    private static final List<NewOrder> ORDERS =
        List.of(
            order("1", new NewOrder.Line("lamp", 2, new BigDecimal("10.00"))),
            order("2", new NewOrder.Line("lamp", 4, new BigDecimal("10.00"))),
            order("3", new NewOrder.Line("lamp", 1, new BigDecimal("20000.00"))));
    private static final NewCancellation CANCELLATION =
        new NewCancellation("C1", "anna", List.of(new NewCancellation.Line("lamp", 2)));

    private final CrashableService order;
    private final CrashableService inventory;
    private final CrashableService payment;
    private final CrashableServices services;

    Flow() throws Exception {
      order =
          new CrashableService(
              postgres,
              "order",
              OrderApplication.class,
              List.of("V1__orders.sql", "V2__modes.sql", "V3__order_modes.sql"),
              ";");
      inventory =
          new CrashableService(
              postgres,
              "inventory",
              InventoryApplication.class,
              List.of("V1__stock.sql", "V2__stock_holds.sql", "V3__stock_modes.sql"),
              "INSERT INTO stock VALUES ('lamp', 5);"
                  + "INSERT INTO stock_movement (stock_code, reference, kind, quantity)"
                  + " VALUES ('lamp', 'OPENING', 'OPENING', 5)");
      payment =
          new CrashableService(
              postgres,
              "payment",
              PaymentApplication.class,
              List.of("V1__ledger.sql", "V2__money_holds.sql"),
              ";");
      services = new CrashableServices(List.of(order, inventory, payment));
    }

    private static NewOrder order(String number, NewOrder.Line line) {
      return new NewOrder(number, "anna", List.of(line));
    }

    @Override
    public void reset() throws Exception {
      services.reset();
    }

    @Override
    public void run(World world) throws Exception {
      services.start(world);
      for (NewOrder each : ORDERS) {
        services.ask(world, order, () -> order.bean(Orders.class).place(each));
      }
      services.settle(world, PASSING);
      services.ask(world, order, () -> order.bean(Cancellations.class).cancel(CANCELLATION));
      services.settle(world, PASSING);
    }

    @Override
    public void recover(World world) throws Exception {
      run(world);
    }

    @Override
    public void check() {
      assertThat(numbers(order, "SELECT count(*) FROM orders WHERE status <> 'PENDING'"))
          .as("decided orders")
          .containsExactly(3);
      for (NewOrder each : ORDERS) {
        settled(each);
      }
      assertThat(numbers(inventory, "SELECT on_hand FROM stock"))
          .as("on hand")
          .isEqualTo(numbers(inventory, "SELECT sum(quantity)::int FROM stock_movement"));
      int refunds = numbers(order, "SELECT quantity FROM cancellation_match").size();
      assertThat(numbers(inventory, "SELECT quantity FROM stock_movement WHERE reference = 'C1'"))
          .as("restocked")
          .hasSize(refunds);
      assertThat(numbers(payment, "SELECT amount::int FROM ledger WHERE reference = 'C1'"))
          .as("refunded")
          .hasSize(refunds);
    }

    private void settled(NewOrder placed) {
      String number = placed.orderNo();
      boolean confirmed =
          !numbers(
                  order, "SELECT 1 FROM orders WHERE status = 'CONFIRMED' AND order_no = ?", number)
              .isEmpty();
      List<Integer> moved =
          numbers(
              inventory,
              "SELECT quantity FROM stock_movement WHERE reference = ? ORDER BY id",
              number);
      List<Integer> paid =
          numbers(
              payment, "SELECT amount::int FROM ledger WHERE reference = ? ORDER BY id", number);
      int quantity = placed.lines().getFirst().quantity();
      int amount = placed.lines().getFirst().amount().intValueExact();
      if (confirmed) {
        assertThat(moved).as("moved by " + number).containsExactly(-quantity);
        assertThat(paid).as("paid for " + number).containsExactly(amount);
      } else {
        assertThat(moved).as("moved by " + number).isIn(List.of(), List.of(-quantity, quantity));
        assertThat(paid).as("paid for " + number).isIn(List.of(), List.of(amount, -amount));
      }
    }

    private static List<Integer> numbers(CrashableService service, String sql, Object... values) {
      return service.audit().sql(sql).params(values).query(Integer.class).list();
    }

    @Override
    public void close() {
      services.close();
    }
  }
}
