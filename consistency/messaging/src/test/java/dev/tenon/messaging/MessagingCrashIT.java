package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.SimulatedServices.Service;
import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.RolledBackException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith({CrashExplorerExtension.class, ExpectedFailures.class})
class MessagingCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  record Placed(int number, String product) {}

  record Reserved(int number) {}

  @Test
  void deliversEachCommittedMessageOnceInOrderWhereverAProcessDies(CrashExplorer explorer)
      throws Exception {
    try (Orders orders = new Orders()) {
      Exploration exploration =
          explorer.sample(60).secondCrashes(20).explore(orders).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(15);
      assertThat(exploration.sends()).isGreaterThan(5);
    }
  }

  /** Orders go to a stock service, which answers each. Some fail once, some for ever, some wait. */
  private static final class Orders extends SimulatedScenario {
    Orders() throws SQLException {
      super(postgres);
      services.database(
          "order",
          "CREATE TABLE placed (number int PRIMARY KEY, product text)",
          "CREATE TABLE confirmed (number int)",
          "GRANT ALL ON placed, confirmed TO PUBLIC");
      services.database(
          "stock",
          "CREATE TABLE reserved (place serial, number int, product text)",
          "GRANT ALL ON reserved, reserved_place_seq TO PUBLIC");
    }

    @Override
    public void run(World world) throws Exception {
      InProcessTransport network = services.network();
      Service order = order(world, network);
      Service stock = stock(world, network);
      place(order, 1, "lamp", Duration.ZERO);
      place(order, 2, "later", Duration.ofSeconds(5));
      place(order, 3, "flaky", Duration.ZERO);
      place(order, 4, "poison", Duration.ZERO);
      services.settle(Duration.ZERO, order, stock);
      rollBack(order, 5);
      place(order, 6, "lamp", Duration.ZERO);
      place(order, 7, "flaky", Duration.ZERO);
      place(order, 8, "poison", Duration.ZERO);
      services.settle(PASSING, order, stock);
    }

    @Override
    public void recover(World world) throws Exception {
      InProcessTransport network = services.network();
      services.settle(PASSING, order(world, network), stock(world, network));
    }

    private Service order(World world, InProcessTransport network) throws SQLException {
      return services.start(
          world,
          network,
          "order",
          (builder, self) ->
              builder
                  .config(CONFIG.slots(1))
                  .topic(Topic.of("order.placed", "stock"))
                  .subscribe(
                      Subscription.to("stock")
                          .on("stock.reserved", Reserved.class, Orders::confirm)
                          .build()));
    }

    private Service stock(World world, InProcessTransport network) throws SQLException {
      return services.start(
          world,
          network,
          "stock",
          (builder, self) ->
              builder
                  .config(CONFIG)
                  .topic(Topic.of("stock.reserved", "order"))
                  .subscribe(
                      Subscription.to("order")
                          .on(
                              "order.placed",
                              Placed.class,
                              (placed, context) -> reserve(self.get(), placed, context))
                          .build()));
    }

    private static void place(Service order, int number, String product, Duration delay)
        throws Exception {
      order.work(
          (transactions, messaging) ->
              transactions.<SQLException>run(
                  unit -> {
                    write(unit.connection(), "INSERT INTO placed VALUES (?, ?)", number, product);
                    messaging
                        .outbox()
                        .publish(
                            OutgoingMessage.of("order.placed", new Placed(number, product))
                                .key(product)
                                .delay(delay));
                  }));
    }

    private static void rollBack(Service order, int number) throws Exception {
      order.work(
          (transactions, messaging) -> {
            try {
              transactions.run(
                  unit -> {
                    messaging.outbox().publish("order.placed", new Placed(number, "never"));
                    unit.setRollbackOnly();
                  });
            } catch (RolledBackException e) {
              assertThat(e).hasMessageContaining("order");
            }
          });
    }

    private static void reserve(Messaging stock, Placed placed, MessageContext context)
        throws SQLException {
      write(
          context.unit().connection(),
          "INSERT INTO reserved (number, product) VALUES (?, ?)",
          placed.number(),
          placed.product());
      boolean fails =
          placed.product().equals("poison")
              || (placed.product().equals("flaky") && context.attempt() == 1);
      if (fails) {
        throw new IllegalStateException("cannot reserve " + placed.product());
      }
      stock.outbox().publish("stock.reserved", placed.product(), new Reserved(placed.number()));
    }

    private static void confirm(Reserved reserved, MessageContext context) throws SQLException {
      write(context.unit().connection(), "INSERT INTO confirmed VALUES (?)", reserved.number());
    }

    @Override
    public void check() throws SQLException {
      List<String> placed =
          services.column("order", "SELECT number FROM placed WHERE product <> 'poison'");
      assertThat(services.column("stock", "SELECT number FROM reserved"))
          .as("reserved")
          .containsExactlyInAnyOrderElementsOf(placed);
      assertThat(services.column("order", "SELECT number FROM confirmed"))
          .as("confirmed")
          .containsExactlyInAnyOrderElementsOf(placed);
      for (String product : List.of("lamp", "flaky")) {
        assertThat(
                services.column(
                    "stock",
                    "SELECT number FROM reserved WHERE product = '" + product + "' ORDER BY place"))
            .as("order of " + product)
            .isSorted();
      }
      assertThat(services.column("stock", "SELECT parked FROM tenon.retry ORDER BY position"))
          .as("parked, or behind it")
          .isEqualTo(
              services.column(
                  "order",
                  "SELECT number = min(number) OVER () FROM placed"
                      + " WHERE product = 'poison' ORDER BY number"));
    }
  }
}
