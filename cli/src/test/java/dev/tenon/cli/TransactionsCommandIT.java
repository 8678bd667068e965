package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.BranchCall;
import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalCall;
import dev.tenon.global.GlobalConfig;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Listing;
import dev.tenon.global.Xid;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.GlobalTransportException;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.global.spi.XidSigner;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.StoredReply;
import dev.tenon.runtime.Backoff;
import dev.tenon.runtime.Json;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class TransactionsCommandIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration TIMEOUT = Duration.ofMinutes(5);
  private static final GlobalConfig CONFIG =
      new GlobalConfig(
          TIMEOUT,
          Duration.ofSeconds(3),
          Duration.ofDays(7),
          Duration.ofHours(1),
          new Backoff(Duration.ofMillis(10), Duration.ofMillis(20)),
          1,
          100);

  private final AtomicBoolean down = new AtomicBoolean(true);
  private final AtomicBoolean broken = new AtomicBoolean();
  private final List<String> done = new ArrayList<>();
  private final BranchType<String> reserve =
      BranchType.tcc(
          "reserve", String.class, (item, unit) -> end("sold"), (item, unit) -> end("given back"));
  private Messaging orderMessaging;
  private Messaging stockMessaging;
  private GlobalTransactions order;
  private GlobalTransactions stock;
  private Xid xid;

  private record Said(int status, String out, String err) {}

  /** Both services in this JVM, known as a demo, and a decision that stock has not heard of. */
  @BeforeEach
  void commitWhatStockDoesNotHearOf(@TempDir Path data) throws IOException {
    Map<String, DemoState.Service> services = new LinkedHashMap<>();
    Transactions orders = open("order", services);
    Transactions stocks = open("stock", services);
    orderMessaging = Messaging.builder(orders).build();
    stockMessaging = Messaging.builder(stocks).build();
    order = global(orders, orderMessaging);
    stock = global(stocks, stockMessaging);
    System.setProperty("tenon.data", data.toString());
    new DemoState(1, "", "1", services).write(DemoHome.here());
    xid =
        order.call(
            TIMEOUT,
            transaction -> {
              hold();
              return transaction.xid();
            });
    settle();
  }

  @AfterEach
  void close() {
    System.clearProperty("tenon.data");
    order.close();
    stock.close();
    orderMessaging.close();
    stockMessaging.close();
  }

  private static Transactions open(String name, Map<String, DemoState.Service> services) {
    Database database = postgres.freshDatabase(name);
    services.put(
        name,
        new DemoState.Service(
            "", 1, 1, 1, database.jdbcUrl(), database.user(), database.password(), ""));
    return Transactions.of(ServiceDatabase.builder(name, postgres.dataSource(database)).open());
  }

  private GlobalTransactions global(Transactions transactions, Messaging messaging) {
    return GlobalTransactions.builder(transactions, messaging)
        .config(CONFIG)
        .signer(new Unsigned())
        .transport(new Line())
        .branch(reserve)
        .build();
  }

  /** Calls stock, which reserves something. */
  private void hold() {
    GlobalCall call = GlobalCall.begin("stock").orElseThrow();
    Receipt receipt =
        stock
            .participant()
            .handle(
                new BranchCall(call.xid(), call.step(), "order", "POST /holds"),
                Fingerprint.ofValue("hold", "lamp"),
                unit -> {
                  stock.participant().open(reserve, "lamp");
                  return new StoredReply(200, Map.of(), new byte[0]);
                });
    StoredReply reply = ((Receipt.Executed) receipt).reply();
    call.answered(reply.headers().get(Listing.HEADER));
  }

  private void end(String how) {
    if (broken.get()) {
      throw new IllegalStateException("the shelf is on fire");
    }
    done.add(how);
  }

  private void settle() {
    int rounds = 0;
    while (order.runPending() | stock.runPending()) {
      assertThat(++rounds).isLessThan(1000);
    }
  }

  private void park() {
    broken.set(true);
    down.set(false);
    retry("order");
    settle();
  }

  private Said retry(String service, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of("retry", xid.id().toString(), "--service", service, "--why", "it is mended"));
    command.addAll(List.of(more));
    return run(command.toArray(String[]::new));
  }

  @Test
  void joinsWhatTheServicesKnow() {
    Said list = run("list");
    Said shown = run("show", xid.id().toString());

    assertThat(list.status).isZero();
    assertThat(list.out)
        .contains("COMMITTED, TELLING", "stock/1 (OPEN)")
        .contains("branch 1 TCC", "service order, asked at 20")
        .contains("1 transaction. All of one: ./tenon transactions show " + xid.id());
    assertThat(shown.out)
        .contains(xid.text(), "lists stock/1", "reserve", "POST /holds")
        .doesNotContain("Mend the cause");
    assertThat(run("list", "--in-doubt").out).contains(xid.id().toString());
    assertThat(run("list", "--parked").out).isEqualTo("No such transaction.\n");
    assertThat(run("list", "--after", xid.text()).out).isEqualTo("No such transaction.\n");
    assertThat(run("list", "--service", "stock").out).doesNotContain("decision");
  }

  @Test
  void tellsTheParticipantsAgainAndRecordsWho() {
    down.set(false);

    Said retried = retry("order", "--as", "anna");
    settle();

    assertThat(retried.err).isEmpty();
    assertThat(retried.status).isZero();
    assertThat(retried.out).contains("./tenon transactions show " + xid.id());
    assertThat(done).containsExactly("sold");
    assertThat(run("list").out).isEqualTo("No such transaction.\n");
    assertThat(run("show", xid.text()).out)
        .contains("COMMITTED, ACKNOWLEDGED", "anna (login ", "retry", "it is mended");
    Said again = retry("order");
    assertThat(again.status).isEqualTo(Main.FAILED);
    assertThat(again.err).contains("acknowledged");
  }

  @Test
  void saysWhatMayBeDoneAboutAParkedBranchAndRetriesIt() {
    park();

    assertThat(run("list", "--parked").out)
        .contains("PARKED, to be COMMITTED", "a person", "the shelf is on fire")
        .contains("1 of them for a person");
    assertThat(run("show", xid.id().toString()).out)
        .contains("./tenon transactions retry " + xid.id() + " --service stock --step 1, or skip");
    broken.set(false);
    assertThat(retry("stock", "--step", "1").status).isZero();
    settle();
    assertThat(done).containsExactly("sold");
  }

  @Test
  void skipsWhatAPersonHasDoneAndForcesWhatNobodyDecides() {
    park();
    String id = xid.id().toString();

    Said forced = run("force", id, "commit", "--service", "stock", "--why", "x");
    Said skipped = run("skip", id, "--step", "1", "--service", "stock", "--why", "sold by hand");
    Said refused =
        run("force", xid.text(), "abort", "--step", "1", "--service", "stock", "--why", "x");

    assertThat(forced.status).as("it has started nothing").isEqualTo(1);
    assertThat(forced.err).contains("Look at its starter, order");
    assertThat(skipped.status).isZero();
    assertThat(refused.status).isEqualTo(Main.FAILED);
    assertThat(refused.err).contains("it has ended: COMMITTED");
    assertThat(done).isEmpty();
  }

  @Test
  void printsJson() {
    JsonNode list = Json.mapper().readTree(run("list", "--json").out);

    JsonNode one = list.path("transactions").path(0);
    assertThat(one.path("xid").stringValue()).isEqualTo(xid.text());
    assertThat(one.path("services").size()).isEqualTo(2);
    assertThat(one.path("services").path(0).path("decision").path("state").stringValue())
        .isEqualTo("TELLING");
    assertThat(list.path("failures").size()).isZero();
  }

  @Test
  void saysWhichServiceCouldNotBeAskedAndShowsTheRest() throws IOException {
    DemoState state = DemoState.require(DemoHome.here());
    Map<String, DemoState.Service> services = state.services();
    DemoState.Service lost = services.get("stock");
    services.put(
        "stock", new DemoState.Service("", 1, 1, 1, lost.jdbcUrl(), lost.user(), "wrong", ""));
    Files.delete(DemoHome.here().stateFile());
    new DemoState(1, "", "1", services).write(DemoHome.here());

    Said list = run("list");

    assertThat(list.status).isEqualTo(Main.FAILED);
    assertThat(list.out).contains("decision", "stock/1");
    assertThat(list.err).contains("stock");
  }

  @Test
  void refusesWhatIsWrong() {
    assertThat(run("list", "--parked", "--in-doubt").err).contains("one of them");
    assertThat(run("list", "--limit", "0").err).contains("1..1000");
    assertThat(run("show", "nonsense").err).contains("xid");
    assertThat(retry("stock", "--step", "7").status).isEqualTo(1);
    assertThat(run("retry", xid.text(), "--service", "order").err).contains("--why");
    assertThat(run("retry", xid.text(), "--service", "order", "--why", " ").err).contains("why");
  }

  @Test
  void knowsNothingOfOthers() {
    Said shown = run("show", "00000000-0000-0007-0000-000000000007");

    assertThat(shown.status).isEqualTo(1);
    assertThat(shown.out).isEqualTo("No such transaction is known.\n");
  }

  private final class Line implements GlobalTransport {
    @Override
    public List<OrderResult> finish(String service, List<BranchOrder> orders) {
      if (down.get()) {
        throw new GlobalTransportException(service + " is down", new IOException("refused"));
      }
      return stock.endpoint().finish("order", orders);
    }

    @Override
    public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
      return order.endpoint().inquire("stock", questions);
    }
  }

  private static final class Unsigned implements XidSigner {
    @Override
    public String sign(String signed) {
      return "";
    }

    @Override
    public boolean verify(String starter, String signed, String signature) {
      return true;
    }
  }

  private static Said run(String... command) {
    List<String> arguments = new ArrayList<>(List.of("transactions"));
    arguments.addAll(List.of(command));
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
