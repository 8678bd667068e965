package dev.tenon.global;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Receipt;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.testing.database.Database;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** Instances of the service order that run sagas, and of the service stock that they call. */
final class SagaShop implements AutoCloseable {
  static final Duration DAY = Duration.ofDays(1);

  /** Undoes what a step of the order's own has written. */
  final BranchType<String> note =
      BranchType.saga(
          "note",
          String.class,
          (text, unit) ->
              StartingService.write(unit, "INSERT INTO noted VALUES ('undo " + text + "')"));

  final StockService stock;
  final List<StartingService> orders = new ArrayList<>();
  final List<String> undone = new CopyOnWriteArrayList<>();
  private final Database database;
  private Duration passed = Duration.ZERO;

  SagaShop(Database order, Database stockDatabase) {
    database = order;
    stock = new StockService(stockDatabase, new StockService.Clock(), Optional.empty());
    stock.execute(StockService.TABLES);
    stock.ending.set((what, units) -> undone.add(what + " " + units.product()));
  }

  /** An instance of order that runs these sagas. */
  StartingService order(SagaType<?, ?>... sagas) {
    boolean first = orders.isEmpty();
    StartingService order =
        new StartingService(
            database,
            new FakeParticipants(),
            pooling -> {},
            builder -> {
              for (SagaType<?, ?> saga : sagas) {
                builder.saga(saga);
              }
              return builder
                  .branch(note)
                  .runtime(TenonRuntime.system().withClock(() -> Instant.now().plus(passed)))
                  .transport(new Line());
            });
    orders.add(order);
    if (first) {
      order.execute("CREATE TABLE IF NOT EXISTS noted (what text); GRANT ALL ON noted TO PUBLIC");
    }
    return order;
  }

  void pass(Duration time) {
    passed = passed.plus(time);
  }

  /** Asks stock to take units, as a client does. */
  String take(String product) throws IOException {
    GlobalCall call = GlobalCall.begin(StockService.NAME).orElseThrow();
    SignedXid xid = SignedXid.verify(call.xid(), TestSigner.INSTANCE);
    if (product.isEmpty()) {
      call.refused(Listing.NONE.text());
      throw new IOException("no such product");
    }
    Receipt receipt = stock.take(xid, call.step(), new StockService.Units(product, 1));
    call.answered(StockService.replied(receipt).headers().get(Listing.HEADER));
    return StockService.body(receipt);
  }

  /** The same, with the answer lost. */
  String loseAnswer(String product) throws IOException {
    GlobalCall call = GlobalCall.begin(StockService.NAME).orElseThrow();
    SignedXid xid = SignedXid.verify(call.xid(), TestSigner.INSTANCE);
    stock.take(xid, call.step(), new StockService.Units(product, 1));
    call.unknown();
    throw new IOException("connection reset");
  }

  /** The same, while stock has no database. */
  String failToTake() throws IOException {
    GlobalCall call = GlobalCall.begin(StockService.NAME).orElseThrow();
    call.failed(Listing.NONE.text());
    throw new IOException("no database");
  }

  void settle() {
    for (int round = 0; round < 100; round++) {
      boolean any = false;
      for (StartingService order : orders) {
        any |= order.global.runPending();
      }
      if (!any) {
        return;
      }
    }
    throw new AssertionError("there is always something due");
  }

  private final class Line implements GlobalTransport {
    @Override
    public List<OrderResult> finish(String service, List<BranchOrder> told) {
      return service.equals(StockService.NAME)
          ? stock.participant.finish(StartingService.NAME, told)
          : orders.getFirst().global.endpoint().finish(StartingService.NAME, told);
    }

    @Override
    public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
      return orders.getFirst().global.endpoint().inquire(StockService.NAME, questions);
    }
  }

  @Override
  public void close() {
    orders.forEach(StartingService::close);
    stock.close();
  }
}
