package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.MessagingConfig;
import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Topic;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class MessagesCommandIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final AtomicBoolean broken = new AtomicBoolean(true);
  private final List<String> handled = new ArrayList<>();
  private Database orderDatabase;
  private Database stockDatabase;
  private Messaging order;
  private Messaging stock;
  private UUID messageId;

  private record Placed(String product) {}

  private record Said(int status, String out, String err) {}

  /** Both services in this JVM, and a message that is parked at once. */
  @BeforeEach
  void parkAMessage() {
    orderDatabase = postgres.freshDatabase("order");
    stockDatabase = postgres.freshDatabase("stock");
    Transactions orders = transactions("order", orderDatabase);
    order = Messaging.builder(orders).topic(Topic.of("order.placed", "stock")).build();
    stock =
        Messaging.builder(transactions("stock", stockDatabase))
            .transport(transportTo(order.feedSource()))
            .config(MessagingConfig.defaults().attemptsMax(1))
            .subscribe(
                Subscription.to("order")
                    .on("order.placed", Placed.class, (placed, context) -> handle(placed))
                    .build())
            .build();
    messageId =
        orders.call(unit -> order.outbox().publish("order.placed", "7", new Placed("chair")));
    deliver();
  }

  @AfterEach
  void close() {
    stock.close();
    order.close();
  }

  @Test
  void listsShowsAndReplaysAParkedMessage() {
    Said list = stock("messages", "list");
    Said shown = stock("messages", "show", messageId.toString());
    broken.set(false);
    Said replayed = stock("messages", "replay", "--all");

    assertThat(list.out).contains(messageId.toString(), "order.placed", "PARKED", "no chair");
    assertThat(shown.out).contains("{\"product\":\"chair\"}", "no chair");
    assertThat(replayed.out).isEqualTo("1 message to be tried again.\n");
    Awaitility.await()
        .untilAsserted(
            () -> {
              deliver();
              assertThat(handled).containsExactly("chair");
            });
    assertThat(stock("messages", "list").out).isEqualTo("No failed message.\n");
  }

  @Test
  void dropsAParkedMessageForGood() {
    Said dropped = stock("messages", "drop", messageId.toString());

    assertThat(dropped.out).isEqualTo("1 message dropped.\n");
    assertThat(stock("messages", "list", "--all").out).isEqualTo("No failed message.\n");
    assertThat(stock("messages", "show", messageId.toString()).status).isEqualTo(1);
  }

  @Test
  void listsAndForgetsSubscribers() {
    Said list = run("order", orderDatabase, orderDatabase.password(), "subscriptions", "list");
    Said forgotten =
        run(
            "order",
            orderDatabase,
            orderDatabase.password(),
            "subscriptions",
            "forget",
            "stock",
            "default");

    assertThat(list.out).contains("SUBSCRIBER").contains("stock").contains("order reads nobody.");
    assertThat(forgotten.out).isEqualTo("4 slots forgotten.\n");
    assertThat(stock("subscriptions", "list").out).contains("order/default");
  }

  @Test
  void saysThatALoginIsRefusedWithoutAStackTrace() {
    Said said = run("stock", stockDatabase, "wrong", "messages", "list");

    assertThat(said.status).isEqualTo(Main.FAILED);
    assertThat(said.out).isEmpty();
    assertThat(said.err.lines()).hasSize(1).first().asString().contains("the login was refused");
  }

  @Test
  void makesNoTablesInADatabaseThatHasNone() {
    Database other = postgres.freshDatabase("other");

    Said said = run("other", other, other.password(), "messages", "list");

    assertThat(said.status).isEqualTo(Main.FAILED);
    assertThat(said.err.lines()).hasSize(1).first().asString().contains("no tables of Tenon's");
    assertThat(run("other", other, other.password(), "messages", "list").err)
        .contains("no tables of Tenon's");
  }

  private void handle(Placed placed) {
    if (broken.get()) {
      throw new IllegalStateException("no " + placed.product());
    }
    handled.add(placed.product());
  }

  private void deliver() {
    boolean more = true;
    while (more) {
      more = order.runPending() | stock.runPending();
    }
  }

  private static Transactions transactions(String service, Database database) {
    return Transactions.of(ServiceDatabase.builder(service, postgres.dataSource(database)).open());
  }

  private static FeedTransport transportTo(FeedSource source) {
    return new FeedTransport() {
      @Override
      public FeedStream open(FeedRequest request) {
        return source.open(request);
      }

      @Override
      public void report(FeedReport report) {
        source.report(report);
      }

      @Override
      public void wake(String address) {
        source.wake();
      }
    };
  }

  private Said stock(String... command) {
    return run("stock", stockDatabase, stockDatabase.password(), command);
  }

  private static Said run(String service, Database database, String password, String... command) {
    List<String> arguments = new ArrayList<>(List.of(command));
    arguments.addAll(
        List.of(
            "--service",
            service,
            "--url",
            database.jdbcUrl(),
            "--user",
            database.user(),
            "--password",
            password));
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(told, true, StandardCharsets.UTF_8));
      int status = Main.run(arguments.toArray(String[]::new));
      return new Said(
          status, said.toString(StandardCharsets.UTF_8), told.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
