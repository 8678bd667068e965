package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.Branch;
import dev.tenon.global.BranchCall;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Listing;
import dev.tenon.global.Outcome;
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
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tables are opted in and out by hand, and a branch that does not fit any more is ended by hand.
 */
class AtCommandIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private Transactions transactions;
  private Messaging messaging;
  private GlobalTransactions stock;

  private record Said(int status, String out, String err) {}

  @BeforeEach
  void start(@TempDir Path data) throws IOException {
    Database database = postgres.freshDatabase("stock");
    transactions =
        Transactions.of(ServiceDatabase.builder("stock", postgres.dataSource(database)).open());
    messaging = Messaging.builder(transactions).build();
    stock =
        GlobalTransactions.builder(transactions, messaging)
            .signer(new Unsigned())
            .transport(new Unreachable())
            .build();
    System.setProperty("tenon.data", data.toString());
    DemoState.Service service =
        new DemoState.Service(
            "", 1, 1, 1, database.jdbcUrl(), database.user(), database.password(), "");
    new DemoState(1, "", "1", Map.of("stock", service)).write(DemoHome.here());
    execute("CREATE TABLE shelf (id int PRIMARY KEY, n int); CREATE TABLE loose (id int)");
    execute("INSERT INTO shelf VALUES (1, 4)");
  }

  @AfterEach
  void close() {
    System.clearProperty("tenon.data");
    stock.close();
    messaging.close();
  }

  private void execute(String sql) {
    transactions.run(
        unit -> {
          try (var statement = unit.connection().createStatement()) {
            statement.execute(sql);
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private static Xid xid() {
    Instant now = Instant.now();
    return new Xid("order", "1", now, now.plusSeconds(60), UUID.randomUUID());
  }

  private String row() {
    return run("sql", "--service", "stock", "SELECT n FROM shelf").out;
  }

  private Receipt take(String header) {
    return stock
        .participant()
        .handle(
            new BranchCall(header, "1", "order", "POST /take"),
            Fingerprint.ofValue("take", 1),
            unit -> {
              execute("UPDATE shelf SET n = 5");
              return new StoredReply(200, Map.of(), new byte[0]);
            });
  }

  @Test
  void optsTablesInAndOut() {
    assertThat(at("list").out).isEqualTo("No table is opted in.\n");
    Said refused = at("enable", "shelf", "loose");
    assertThat(refused.status).isEqualTo(Main.FAILED);
    assertThat(refused.err).contains("public.loose: it has no primary key. Give it one.");
    assertThat(at("list").out).isEqualTo("No table is opted in.\n");

    assertThat(at("enable", "shelf").out).isEqualTo("Opted in: shelf.\n");
    assertThat(at("list").out).isEqualTo("public.shelf\n");
    assertThat(at("disable", "shelf").out).isEqualTo("Opted out: shelf.\n");
    assertThat(at("list").out).isEqualTo("No table is opted in.\n");
  }

  @Test
  void showsHowRowsDifferAndPutsThemBackWhenForced() {
    take(xid().text() + "."); // now the service knows that no table is opted in
    execute("UPDATE shelf SET n = 4");
    assertThat(at("enable", "shelf").status).isZero();
    Xid xid = xid();
    String header = xid.text() + ".";
    assertThatThrownBy(() -> take(header)).hasMessageContaining("repeat the call");
    Receipt receipt = take(header);
    String listing = ((Receipt.Executed) receipt).reply().headers().get(Listing.HEADER);
    Branch branch = Listing.parse(listing).kept().getFirst();
    assertThat(at("disable", "shelf").err).contains("Wait for its end");
    execute(
        "ALTER TABLE shelf DISABLE TRIGGER tenon_at; UPDATE shelf SET n = 6;"
            + " ALTER TABLE shelf ENABLE ALWAYS TRIGGER tenon_at");

    assertThat(
            stock
                .endpoint()
                .finish(
                    "order", List.of(new BranchOrder(header, "1", branch.id(), Outcome.ABORTED))))
        .containsExactly(OrderResult.PARKED);

    String id = xid.id().toString();
    assertThat(run("transactions", "show", id).out)
        .contains("branch 1 AT", "a row of public.shelf has n 6 (expected: 5) in {");
    String[] force = {
      "transactions", "force", id, "abort", "--step", "1", "--service", "stock", "--why", "known"
    };
    assertThat(run(force).status).isZero();
    assertThat(stock.runPending()).isTrue();
    assertThat(row()).contains("4").doesNotContain("6");
    assertThat(run("transactions", "list").out).isEqualTo("No such transaction.\n");
  }

  private static Said at(String verb, String... tables) {
    List<String> command = new ArrayList<>(List.of("at", verb, "--service", "stock"));
    command.addAll(List.of(tables));
    return run(command.toArray(String[]::new));
  }

  private static Said run(String... command) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(told, true, StandardCharsets.UTF_8));
      int status = Main.run(command);
      return new Said(
          status, said.toString(StandardCharsets.UTF_8), told.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static final class Unreachable implements GlobalTransport {
    @Override
    public List<OrderResult> finish(String service, List<BranchOrder> orders) {
      throw new GlobalTransportException(service + " is down", new IOException("refused"));
    }

    @Override
    public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
      throw new GlobalTransportException(starter + " is down", new IOException("refused"));
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
}
