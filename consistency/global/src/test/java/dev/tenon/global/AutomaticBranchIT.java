package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static dev.tenon.global.StockService.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.table;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class AutomaticBranchIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Fingerprint ANY = Fingerprint.ofValue("any", 1);

  private final Clock clock = new Clock();
  private Database database;
  private StockService stock;

  @BeforeEach
  void start() {
    database = postgres.freshDatabase(StockService.NAME);
    stock = new StockService(database, clock, Optional.empty());
    stock.execute(
        "CREATE TABLE account (id int PRIMARY KEY, balance numeric NOT NULL, owner text UNIQUE);"
            + " INSERT INTO account VALUES (1, 100.00, 'anna'), (2, 50, 'bert')");
    enable("account");
  }

  private void enable(String... tables) {
    AutomaticTables.of("tenon").enable(stock.transactions.database().dataSource(), List.of(tables));
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  private Receipt write(SignedXid xid, String step, String sql) {
    return stock.participant.handle(
        call(xid, step),
        ANY,
        unit -> {
          stock.messaging.outbox().publish("stock.moved", "k", "sent");
          stock.statement(unit, sql);
          return reply("done");
        });
  }

  private static Branch only(Receipt receipt) {
    assertThat(StockService.listing(receipt).kept()).hasSize(1);
    return StockService.listing(receipt).kept().getFirst();
  }

  private List<String> accounts() {
    return stock.column("SELECT account::text FROM account ORDER BY id");
  }

  private List<String> errors() {
    return stock.column("SELECT error FROM tenon.branch WHERE error IS NOT NULL");
  }

  private List<String> left() {
    return stock.column(
        "SELECT rel::text FROM tenon.row_image UNION ALL SELECT place::text FROM tenon.row_lock");
  }

  @Test
  void namesTheBranchThatItsRowsHaveOpenedAndConfirmsIt() {
    SignedXid xid = clock.xid();

    Branch branch = only(write(xid, "1", "UPDATE account SET balance = balance - 1 WHERE id = 1"));

    assertThat(branch.kind()).isEqualTo(BranchKind.AT);
    assertThat(left()).isNotEmpty();
    assertThat(stock.sent()).isEmpty();
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(accounts()).containsExactly("(1,99.00,anna)", "(2,50,bert)");
    assertThat(left()).isEmpty();
    assertThat(stock.sent()).containsExactly("\"sent\"");
  }

  @Test
  void putsRowsBackAndForgetsWhatItHasSaid() {
    SignedXid xid = clock.xid();
    List<String> before = accounts();

    Branch branch =
        only(
            write(
                xid,
                "1",
                "UPDATE account SET balance = 1; DELETE FROM account WHERE id = 2;"
                    + " INSERT INTO account VALUES (3, 'NaN', 'bert')"));

    assertThat(stock.finish(xid, branch, Outcome.ABORTED))
        .describedAs(() -> String.valueOf(errors()))
        .isEqualTo(OrderResult.DONE);
    assertThat(accounts()).isEqualTo(before);
    assertThat(left()).isEmpty();
    assertThat(stock.sent()).isEmpty();
    assertThat(stock.column("SELECT key FROM tenon.reply")).isEmpty();
  }

  @Test
  void putsBackWhatAParticipantHasWrittenByJooq() {
    SignedXid xid = clock.xid();
    List<String> before = accounts();
    Table<?> account = table("account");
    Field<Integer> id = field("id", Integer.class);
    Field<BigDecimal> balance = field("balance", BigDecimal.class);
    Field<String> owner = field("owner", String.class);

    Receipt receipt =
        stock.participant.handle(
            call(xid, "1"),
            ANY,
            unit -> {
              DSLContext jooq = DSL.using(unit.connection(), SQLDialect.POSTGRES);
              jooq.update(account)
                  .set(balance, balance.minus(BigDecimal.TEN))
                  .where(id.eq(1))
                  .execute();
              jooq.insertInto(account, id, balance, owner)
                  .values(2, BigDecimal.ONE, "bea")
                  .onConflict(id)
                  .doUpdate()
                  .set(owner, "bea")
                  .execute();
              jooq.batch(
                      jooq.insertInto(account, id, balance, owner)
                          .values(3, BigDecimal.ONE, "cora"),
                      jooq.deleteFrom(account).where(id.eq(1)))
                  .execute();
              return reply("done");
            });
    assertThat(accounts()).containsExactly("(2,50,bea)", "(3,1,cora)");

    assertThat(stock.finish(xid, only(receipt), Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(accounts()).isEqualTo(before);
    assertThat(left()).isEmpty();
  }

  @Test
  void opensNoBranchWhereNoSuchRowIsWritten() {
    Receipt receipt = write(clock.xid(), "1", "SELECT 1");

    assertThat(StockService.listing(receipt)).isEqualTo(Listing.NONE);
    assertThat(stock.sent()).containsExactly("\"sent\"");
  }

  @Test
  void refusesWhoeverWritesARowThatIsNotDecided() {
    Branch unused = only(write(clock.xid(), "1", "UPDATE account SET balance = 1 WHERE id = 1"));

    Throwable plain =
        catchThrowable(() -> stock.execute("UPDATE account SET balance = 2 WHERE id = 1"));
    Throwable other =
        catchThrowable(() -> write(clock.xid(), "1", "DELETE FROM account WHERE id = 1"));

    assertThat(AutomaticBranches.state(plain)).contains(AutomaticBranches.LOCKED);
    assertThat(AutomaticBranches.state(other)).contains(AutomaticBranches.LOCKED);
    stock.execute("UPDATE account SET balance = 2 WHERE id = 2");
  }
}
