package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.global.BranchRefusedException.Reason;
import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.OutgoingMessage;
import dev.tenon.messaging.Receipt;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ParticipantIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);
  private static final Fingerprint ANY = Fingerprint.ofValue("any", LAMPS);

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

  /** Another process takes over where this one was killed. */
  private void restart() {
    stock.close();
    stock = new StockService(database, clock, Optional.empty());
  }

  private SignedXid xid() {
    return clock.xid();
  }

  private static Branch only(Receipt receipt) {
    Listing listing = StockService.listing(receipt);
    assertThat(listing.complete()).isTrue();
    assertThat(listing.dropped()).isEmpty();
    assertThat(listing.kept()).hasSize(1);
    return listing.kept().getFirst();
  }

  private static Reason reason(Throwable failure) {
    assertThat(failure).isInstanceOf(BranchRefusedException.class);
    return ((BranchRefusedException) failure).reason();
  }

  @Test
  void confirmsATryAndSendsItsMessagesThen() {
    SignedXid xid = xid();

    Receipt receipt = stock.reserve(xid, "1", LAMPS);
    Branch branch = only(receipt);
    restart();

    assertThat(StockService.body(receipt)).isEqualTo("reserved 2");
    assertThat(branch.service()).isEqualTo("stock");
    assertThat(branch.kind()).isEqualTo(BranchKind.TCC);
    assertThat(branch.step()).isEqualTo("1");
    assertThat(stock.sent()).isEmpty();
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.moved()).containsExactly("try lamp 2", "confirm lamp 2");
    assertThat(stock.sent()).containsExactly("\"try\"", "\"confirm\"");
    assertThat(stock.states()).containsExactly("1 COMMITTED");
    assertThat(stock.column("SELECT id::text FROM tenon.branch_message")).isEmpty();
  }

  @Test
  void confirmsOnceHoweverOftenItIsTold() {
    SignedXid xid = xid();
    Branch branch = only(stock.reserve(xid, "1", LAMPS));

    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    restart();
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);

    assertThat(stock.moved()).containsExactly("try lamp 2", "confirm lamp 2");
  }

  @Test
  void undoesATryAndDropsItsMessagesAndItsReply() {
    SignedXid xid = xid();
    Branch branch = only(stock.reserve(xid, "1", LAMPS));
    restart();

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    restart();
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);

    assertThat(stock.moved()).containsExactly("try lamp 2", "cancel lamp 2");
    assertThat(stock.sent()).containsExactly("\"cancel\"");
    assertThat(stock.column("SELECT key FROM tenon.reply")).isEmpty();
    assertThat(stock.column("SELECT id::text FROM tenon.branch_message")).isEmpty();
    assertThat(reason(catchThrowable(() -> stock.reserve(xid, "1", LAMPS)))).isEqualTo(Reason.OVER);
  }

  @Test
  void givesTheSameReplyAndTheSameBranchAgain() {
    SignedXid xid = xid();
    Receipt first = stock.reserve(xid, "1", LAMPS);
    restart();

    Receipt second = stock.reserve(xid, "1", LAMPS);

    assertThat(second).isInstanceOf(Receipt.Replayed.class);
    assertThat(only(second)).isEqualTo(only(first));
    assertThat(StockService.body(second)).isEqualTo("reserved 2");
    assertThat(stock.moved()).containsExactly("try lamp 2");
    assertThat(stock.reserve(xid, "1", new Units("lamp", 3)))
        .isEqualTo(new Receipt.Rejected(Receipt.Rejection.OTHER_REQUEST));
  }

  @Test
  void refusesATryThatComesAfterItsCancel() {
    SignedXid xid = xid();

    assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
    restart();
    assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
    Throwable late = catchThrowable(() -> stock.reserve(xid, "1", LAMPS));

    assertThat(reason(late)).isEqualTo(Reason.OVER);
    assertThat(stock.participant.failedListing(late)).contains("none");
    assertThat(stock.moved()).as("an empty cancel runs nothing").isEmpty();
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }

  @Test
  void refusesALateCallThatOpensNoBranch() {
    SignedXid xid = xid();
    stock.abort(xid, "1");

    Throwable late =
        catchThrowable(
            () -> stock.participant.handle(call(xid, "1"), ANY, unit -> StockService.reply("")));

    assertThat(reason(late)).isEqualTo(Reason.OVER);
  }

  @Test
  void letsThePrimaryKeyDecideBetweenATryAndTheBarThatCrossesIt() throws Exception {
    for (String isolation : List.of("read committed", "repeatable read")) {
      stock.pool.close();
      stock = new StockService(database, clock, isolation);
      SignedXid xid = xid();
      CountDownLatch tried = new CountDownLatch(1);
      CountDownLatch barred = new CountDownLatch(1);
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<Receipt> late =
            threads.submit(
                () ->
                    stock.participant.handle(
                        call(xid, "1"),
                        ANY,
                        unit -> {
                          stock.reserve(unit, LAMPS);
                          tried.countDown();
                          assertThat(barred.await(60, TimeUnit.SECONDS)).isTrue();
                          return StockService.reply("");
                        }));
        assertThat(tried.await(60, TimeUnit.SECONDS)).isTrue();

        assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
        barred.countDown();

        assertThatThrownBy(late::get)
            .cause()
            .isInstanceOfAny(BranchRefusedException.class, TransactionException.class);
      }
      assertThat(stock.moved()).as(isolation).isEmpty();
      assertThat(stock.column("SELECT key FROM tenon.reply")).isEmpty();
      assertThat(reason(catchThrowable(() -> stock.reserve(xid, "1", LAMPS))))
          .isEqualTo(Reason.OVER);
    }
  }

  @Test
  void undoesATryThatIsCommittedWhileItsBarWaits() throws Exception {
    for (String isolation : List.of("read committed", "repeatable read")) {
      stock.pool.close();
      stock = new StockService(database, clock, isolation);
      SignedXid xid = xid();
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        CountDownLatch written = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Future<Receipt> tried =
            threads.submit(
                () ->
                    stock.participant.handle(
                        call(xid, "1"),
                        ANY,
                        unit -> {
                          unit.beforeCommit(
                              connection -> {
                                written.countDown();
                                await(goOn);
                              });
                          return stock.reserve(unit, LAMPS);
                        }));
        assertThat(written.await(60, TimeUnit.SECONDS)).isTrue();
        Future<OrderResult> bar = threads.submit(() -> stock.abort(xid, "1"));
        stock.awaitBlocked();
        goOn.countDown();

        assertThat(only(tried.get()).step()).isEqualTo("1");
        assertThat(bar.get()).isEqualTo(OrderResult.DONE);
      }
      assertThat(stock.moved()).containsExactly("try lamp 2", "cancel lamp 2");
      stock.execute("DELETE FROM moved");
    }
  }

  private static void await(CountDownLatch latch) throws SQLException {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SQLException(e);
    }
  }

  @Test
  void runsAnEndOnceIfTwoInstancesAreToldAtOnce() throws Exception {
    SignedXid xid = xid();
    Branch branch = only(stock.reserve(xid, "1", LAMPS));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    stock.ending.set(
        (what, units) -> {
          running.countDown();
          await(goOn);
        });

    try (StockService other = new StockService(database, clock, Optional.empty());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<OrderResult> first =
          threads.submit(() -> stock.finish(xid, branch, Outcome.COMMITTED));
      assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();

      assertThat(other.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.LATER);
      goOn.countDown();

      assertThat(first.get()).isEqualTo(OrderResult.DONE);
      assertThat(other.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    }
    assertThat(stock.moved()).containsExactly("try lamp 2", "confirm lamp 2");
  }

  @Test
  void endsManyBranchesWhateverBecomesOfOne() {
    List<BranchOrder> orders = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      SignedXid xid = xid();
      Branch branch =
          i % 2 == 0
              ? only(stock.reserve(xid, "1", new Units("p" + i, i)))
              : only(stock.take(xid, "1", new Units("p" + i, i)));
      orders.add(new BranchOrder(xid.header(), "1", branch.id(), Outcome.COMMITTED));
    }
    orders.add(orders.getFirst());
    orders.add(new BranchOrder(xid().header(), "7", null, Outcome.ABORTED));
    orders.add(new BranchOrder(xid().header(), "8", UUID.randomUUID(), Outcome.COMMITTED));
    stock.ending.set(
        (what, units) -> {
          if (units.product().equals("p0")) {
            throw new IllegalStateException("the shelf is on fire");
          }
        });

    assertThat(stock.finish(orders.toArray(BranchOrder[]::new)))
        .containsExactly(
            OrderResult.LATER,
            OrderResult.DONE,
            OrderResult.DONE,
            OrderResult.DONE,
            OrderResult.LATER,
            OrderResult.DONE,
            OrderResult.LOST);
    assertThat(stock.column("SELECT error FROM tenon.branch WHERE error IS NOT NULL"))
        .singleElement()
        .asString()
        .contains("the shelf is on fire");
    assertThat(stock.sent()).as("of sagas, and of what was confirmed").hasSize(4);
  }

  @Test
  void keepsThePartsOfABranchFromASpentDecision() {
    SignedXid xid = xid();
    Branch branch = only(stock.reserve(xid, "1", LAMPS));
    Branch another = new Branch("stock", UUID.randomUUID(), BranchKind.TCC, "1");

    assertThat(stock.finish(xid, another, Outcome.COMMITTED)).isEqualTo(OrderResult.LOST);
    assertThat(stock.finish(xid, another, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.states()).as("of a lost try, not of this one").containsExactly("1 OPEN");
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.CONFLICT);
  }

  @Test
  void refusesOrdersThatAreNotTheCallersToGive() {
    SignedXid xid = xid();
    Branch branch = only(stock.reserve(xid, "1", LAMPS));
    BranchOrder order = new BranchOrder(xid.header(), "1", branch.id(), Outcome.COMMITTED);
    BranchOrder forged =
        new BranchOrder(xid.xid().text() + ".forged", "1", branch.id(), Outcome.COMMITTED);

    assertThatThrownBy(() -> stock.participant.finish("pirate", List.of(order)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("order");
    assertThatThrownBy(() -> stock.finish(order, forged))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("signed by order");
    assertThatThrownBy(
            () -> stock.finish(new BranchOrder(xid.header(), "1", null, Outcome.COMMITTED)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(stock.states()).as("nothing was done").containsExactly("1 OPEN");
  }

  @Test
  void refusesCallsThatAreForgedOrTooLate() {
    SignedXid xid = xid();
    SignedXid forged = new SignedXid(xid.xid(), xid.xid().text() + ".forged");

    assertThat(reason(catchThrowable(() -> stock.reserve(forged, "1", LAMPS))))
        .isEqualTo(Reason.NOT_GENUINE);
    clock.pass(Duration.ofSeconds(31));
    assertThat(reason(catchThrowable(() -> stock.reserve(xid, "1", LAMPS))))
        .isEqualTo(Reason.TOO_LATE);
    assertThat(stock.moved()).isEmpty();
  }

  @Test
  void holdsDelayedMessagesToo() {
    SignedXid xid = xid();
    Receipt receipt =
        stock.participant.handle(
            call(xid, "1"),
            ANY,
            unit -> {
              stock
                  .messaging
                  .outbox()
                  .publish(
                      OutgoingMessage.of("stock.moved", "reminder").delay(Duration.ofHours(1)));
              return stock.take(unit, LAMPS);
            });
    assertThat(stock.column("SELECT id::text FROM tenon.delayed")).isEmpty();

    stock.finish(xid, only(receipt), Outcome.COMMITTED);

    assertThat(stock.sent()).containsExactly("\"take\"");
    assertThat(stock.column("SELECT due_at = timestamptz '2026-01-01 01:00Z' FROM tenon.delayed"))
        .containsExactly("t");
  }

  @Test
  void keepsTheReplyForAsLongAsTheTransactionMayLive() {
    SignedXid xid = xid();
    stock.reserve(xid, "1", LAMPS);

    assertThat(
            stock.column("SELECT kept_from >= timestamptz '2026-01-08 00:00:30Z' FROM tenon.reply"))
        .containsExactly("t");
  }
}
