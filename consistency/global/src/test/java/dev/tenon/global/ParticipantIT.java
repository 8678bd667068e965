package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Receipt;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ParticipantIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);

  private final Clock clock = new Clock();
  private Database database;
  private StockService stock;

  @BeforeEach
  void start() {
    database = postgres.freshDatabase(StockService.NAME);
    stock = new StockService(database, clock, Optional.empty());
    stock.execute(StockService.TABLES);
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  private SignedXid xid() {
    return SignedXid.sign(
        new Xid("order", "1", clock.now, clock.now.plusSeconds(30), UUID.randomUUID()),
        TestSigner.INSTANCE);
  }

  @Test
  void confirmsATryAndSendsItsMessagesThen() {
    SignedXid xid = xid();

    Receipt receipt = stock.reserve(xid, "1", LAMPS);
    Branch branch = StockService.listing(receipt).kept().getFirst();

    assertThat(StockService.body(receipt)).isEqualTo("reserved 2");
    assertThat(branch.service()).isEqualTo("stock");
    assertThat(branch.kind()).isEqualTo(BranchKind.TCC);
    assertThat(branch.step()).isEqualTo("1");
    assertThat(stock.sent()).isEmpty();
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.moved()).containsExactly("try lamp 2", "confirm lamp 2");
    assertThat(stock.sent()).containsExactly("\"try\"", "\"confirm\"");
    assertThat(stock.states()).containsExactly("1 COMMITTED");
  }

  @Test
  void undoesATryAndDropsItsMessagesAndItsReply() {
    SignedXid xid = xid();
    Branch branch = StockService.listing(stock.reserve(xid, "1", LAMPS)).kept().getFirst();

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);

    assertThat(stock.moved()).containsExactly("try lamp 2", "cancel lamp 2");
    assertThat(stock.sent()).containsExactly("\"cancel\"");
    assertThat(stock.column("SELECT key FROM tenon.reply")).isEmpty();
    assertThat(stock.column("SELECT id::text FROM tenon.branch_message")).isEmpty();
  }
}
