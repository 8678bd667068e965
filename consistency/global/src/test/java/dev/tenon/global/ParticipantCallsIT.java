package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a participant says of the calls that it makes in turn. */
class ParticipantCallsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);
  private static final Fingerprint ANY = Fingerprint.ofValue("any", LAMPS);

  private final Clock clock = new Clock();
  private StockService stock;

  @BeforeEach
  void start() {
    stock = new StockService(postgres.freshDatabase(StockService.NAME), clock, Optional.empty());
    stock.execute(StockService.TABLES);
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  @Test
  void listsWhatItsOwnCallsHaveOpened() {
    SignedXid xid = clock.xid();
    Branch paid = new Branch("payment", UUID.randomUUID(), BranchKind.SAGA, "1.1");

    Receipt receipt =
        stock.participant.handle(
            call(xid, "1"),
            ANY,
            unit -> {
              GlobalCall inner = GlobalCall.begin("payment").orElseThrow();
              assertThat(inner.step()).isEqualTo("1.1");
              assertThat(inner.xid()).isEqualTo(xid.header());
              inner.answered(new Listing(true, List.of(paid), List.of()).text());
              return stock.reserve(unit, LAMPS);
            });

    assertThat(StockService.listing(receipt).kept())
        .extracting(Branch::service)
        .containsExactly("stock", "payment");
    assertThat(GlobalCall.begin("payment")).as("outside of the call").isEmpty();
  }

  @Test
  void keepsARefusalAndDropsWhatItsOwnCallsHaveOpened() {
    SignedXid xid = clock.xid();
    Branch paid = new Branch("payment", UUID.randomUUID(), BranchKind.SAGA, "1.1");

    for (int i = 0; i < 2; i++) {
      Receipt receipt =
          stock.participant.handle(
              call(xid, "1"),
              ANY,
              unit -> {
                GlobalCall inner = GlobalCall.begin("payment").orElseThrow();
                inner.answered(new Listing(true, List.of(paid), List.of()).text());
                stock.reserve(unit, LAMPS);
                throw new RefusalException("sold out", StockService.reply("sold out"));
              });

      assertThat(StockService.body(receipt)).isEqualTo("sold out");
      assertThat(StockService.listing(receipt))
          .isEqualTo(new Listing(true, List.of(), List.of(paid)));
    }
    assertThat(stock.moved()).isEmpty();
    assertThat(stock.states()).isEmpty();
    assertThat(stock.column("SELECT id::text FROM tenon.branch_message")).isEmpty();
  }

  @Test
  void saysWhatFailedWorkHasLeftBehind() {
    SignedXid xid = clock.xid();
    Branch paid = new Branch("payment", UUID.randomUUID(), BranchKind.SAGA, "1.1");

    Throwable failure =
        catchThrowable(
            () ->
                stock.participant.handle(
                    call(xid, "1"),
                    ANY,
                    unit -> {
                      GlobalCall.begin("payment")
                          .orElseThrow()
                          .answered(new Listing(true, List.of(paid), List.of()).text());
                      stock.reserve(unit, LAMPS);
                      throw new SQLException("the disk is full");
                    }));

    assertThat(failure).isInstanceOf(SQLException.class);
    assertThat(stock.participant.failedListing(new IllegalStateException(failure)))
        .contains(new Listing(true, List.of(), List.of(paid)).text());
    assertThat(stock.participant.failedListing(failure)).as("told once").isEmpty();
    assertThat(stock.moved()).isEmpty();
    assertThat(StockService.body(stock.reserve(xid, "1", LAMPS)))
        .as("it may be tried again")
        .isEqualTo("reserved 2");
  }

  @Test
  void passesTheTransactionOnThroughACallThatOnlyReads() {
    SignedXid xid = clock.xid();

    try (Participant.Reading reading = stock.participant.enter(call(xid, "2"))) {
      GlobalCall inner = GlobalCall.begin("payment").orElseThrow();
      assertThat(inner.step()).isEqualTo("2.1");
      assertThat(reading.listing(false)).isEqualTo("incomplete");
      inner.answered("none");
      assertThat(reading.listing(false)).isEqualTo("none");
      assertThatThrownBy(() -> stock.participant.open(stock.reserve, LAMPS))
          .hasMessageContaining("Could not open a branch");
    }

    assertThat(GlobalCall.begin("payment")).isEmpty();
  }

  @Test
  void storesNothingButTheReplyOfACallThatOpensNoBranch() {
    SignedXid xid = clock.xid();

    Receipt receipt =
        stock.participant.handle(call(xid, "1"), ANY, unit -> StockService.reply("seen"));

    assertThat(StockService.listing(receipt)).isEqualTo(Listing.NONE);
    assertThat(stock.states()).isEmpty();
    assertThat(stock.column("SELECT key FROM tenon.reply")).hasSize(1);
  }

  @Test
  void opensOneBranchInTheTransactionOfTheCallOnly() {
    SignedXid xid = clock.xid();

    assertThatThrownBy(
            () ->
                stock.participant.handle(
                    call(xid, "1"),
                    ANY,
                    unit -> {
                      stock.reserve(unit, LAMPS);
                      return stock.take(unit, LAMPS);
                    }))
        .isInstanceOf(GlobalTransactionException.class)
        .hasMessageContaining("one is open already");
    assertThatThrownBy(() -> stock.participant.open(stock.reserve, LAMPS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("handles no call");
    assertThat(stock.moved()).isEmpty();
  }
}
