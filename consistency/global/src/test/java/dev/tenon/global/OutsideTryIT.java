package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static dev.tenon.global.StockService.listing;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.global.BranchRefusedException.Reason;
import dev.tenon.global.Participant.OutsideBranch;
import dev.tenon.global.Participant.OutsideTry;
import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class OutsideTryIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);
  private static final Fingerprint ANY = Fingerprint.ofValue("any", LAMPS);

  private final Clock clock = new Clock();
  private final FakeStarter starter = new FakeStarter();

  /** What another system was asked. */
  private final List<String> outside = new ArrayList<>();

  private Database database;
  private StockService stock;

  @BeforeEach
  void start() {
    database = postgres.freshDatabase(StockService.NAME);
    stock = instance();
    stock.execute(StockService.TABLES);
  }

  private StockService instance() {
    StockService service = new StockService(database, clock, Optional.of(starter));
    service.ending.set((what, units) -> outside.add(what));
    return service;
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  private void restart() {
    stock.close();
    stock = instance();
  }

  private <X extends Exception> Receipt tryOutside(SignedXid xid, OutsideTry<X> work) throws X {
    return stock.participant.handleOutside(
        call(xid, "1"),
        ANY,
        new OutsideBranch<>(stock.reserve, LAMPS, Duration.ofMinutes(1)),
        work);
  }

  private Receipt tryOutside(SignedXid xid) {
    return tryOutside(
        xid,
        () -> {
          outside.add("try");
          return StockService.reply("tried");
        });
  }

  /** The process is killed during its try. */
  private static final class KilledError extends Error {
    private static final long serialVersionUID = 1L;
  }

  /** What a process leaves behind that is killed during its try. */
  private void die(SignedXid xid) {
    assertThatThrownBy(
            () ->
                tryOutside(
                    xid,
                    () -> {
                      outside.add("try");
                      stock.pool.close();
                      throw new KilledError();
                    }))
        .isInstanceOf(KilledError.class);
    stock = instance();
    assertThat(stock.states()).containsExactly("1 TRYING");
  }

  @Test
  void confirmsATryThatIsNoLocalCommit() {
    SignedXid xid = clock.xid();

    Receipt receipt = tryOutside(xid);
    Branch branch = listing(receipt).kept().getFirst();
    restart();

    assertThat(StockService.body(receipt)).isEqualTo("tried");
    assertThat(StockService.body(tryOutside(xid))).as("again").isEqualTo("tried");
    assertThat(stock.states()).containsExactly("1 OPEN");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(outside).containsExactly("try", "confirm");
  }

  @Test
  void cancelsDuringTheTryAndOnceMoreWhenItHasEnded() {
    SignedXid xid = clock.xid();

    Throwable failure =
        catchThrowable(
            () ->
                tryOutside(
                    xid,
                    () -> {
                      assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
                      assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
                      outside.add("try");
                      return StockService.reply("tried");
                    }));

    assertThat(failure).isInstanceOf(BranchRefusedException.class);
    assertThat(((BranchRefusedException) failure).reason()).isEqualTo(Reason.OVER);
    assertThat(outside).containsExactly("cancel", "try", "cancel");
    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThat(stock.column("SELECT key FROM tenon.reply")).isEmpty();
  }

  @Test
  void cancelsOnceMoreATryThatEndsAfterItWasTakenForDead() {
    SignedXid xid = clock.xid();

    assertThatThrownBy(
            () ->
                tryOutside(
                    xid,
                    () -> {
                      stock.abort(xid, "1");
                      clock.pass(Duration.ofMinutes(2));
                      stock.participant.runPending();
                      assertThat(stock.states()).containsExactly("1 ABORTED");
                      outside.add("try");
                      return StockService.reply("tried");
                    }))
        .isInstanceOf(BranchRefusedException.class);

    assertThat(outside).containsExactly("cancel", "cancel", "try", "cancel");
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }

  @Test
  void cancelsATryWhoseProcessDiedWhenTheStarterSaysSo() {
    SignedXid xid = clock.xid();
    die(xid);

    assertThatThrownBy(() -> tryOutside(xid))
        .isInstanceOfSatisfying(
            BranchRefusedException.class,
            e -> assertThat(e.reason()).isEqualTo(Reason.STILL_RUNNING));
    starter.otherwise = BranchAnswer.ABORT;
    clock.pass(Duration.ofSeconds(6));
    stock.participant.runPending();
    assertThat(stock.states()).containsExactly("1 CANCELLED_IN_TRY");
    clock.pass(Duration.ofMinutes(1));
    restart();
    stock.participant.runPending();

    assertThat(outside).containsExactly("try", "cancel", "cancel");
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }

  @Test
  void undoesATryThatFailed() {
    SignedXid xid = clock.xid();

    Throwable failure =
        catchThrowable(
            () ->
                tryOutside(
                    xid,
                    () -> {
                      outside.add("try");
                      throw new IOException("no answer");
                    }));

    assertThat(failure).isInstanceOf(IOException.class);
    assertThat(stock.participant.failedListing(failure)).contains("none");
    assertThat(outside).containsExactly("try", "cancel");
    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
  }

  @Test
  void keepsARefusalWithoutACancel() {
    SignedXid xid = clock.xid();
    OutsideTry<RuntimeException> refusing =
        () -> {
          outside.add("try");
          throw new RefusalException("no room", StockService.reply("no room"));
        };

    Receipt first = tryOutside(xid, refusing);
    Receipt second = tryOutside(xid, refusing);

    assertThat(StockService.body(first)).isEqualTo("no room");
    assertThat(listing(first)).isEqualTo(Listing.NONE);
    assertThat(second).isInstanceOf(Receipt.Replayed.class);
    assertThat(outside).containsExactly("try");
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }

  @Test
  void refusesATryThatComesAfterItsCancel() {
    SignedXid xid = clock.xid();
    stock.abort(xid, "1");

    assertThatThrownBy(() -> tryOutside(xid))
        .isInstanceOfSatisfying(
            BranchRefusedException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OVER));

    assertThat(outside).isEmpty();
  }

  @Test
  void triesACancelAgainThatFailedDuringTheTry() {
    SignedXid xid = clock.xid();
    stock.ending.set(
        (what, units) -> {
          throw new IOException("no answer");
        });

    assertThatThrownBy(
            () ->
                tryOutside(
                    xid,
                    () -> {
                      assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.LATER);
                      outside.add("try");
                      return StockService.reply("tried");
                    }))
        .isInstanceOf(BranchRefusedException.class);
    assertThat(stock.states()).containsExactly("1 CANCELLED_IN_TRY");
    restart();
    clock.pass(Duration.ofMinutes(2));
    stock.participant.runPending();

    assertThat(outside).containsExactly("try", "cancel");
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }
}
