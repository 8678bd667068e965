package dev.tenon.bench;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.global.AutomaticTables;
import dev.tenon.global.BranchCall;
import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalCall;
import dev.tenon.global.GlobalTransactionException;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Listing;
import dev.tenon.global.Participant;
import dev.tenon.global.SagaScope;
import dev.tenon.global.SagaType;
import dev.tenon.global.Sagas;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.StoredReply;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.Transactions;
import dev.tenon.transport.ServiceIdentity;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;

/**
 * Three services of Tenon's: one that starts transactions, and one for each account. They call each
 * other in this process, as the other peers do, without a network.
 */
final class TenonBank implements Bank {
  private static final String STARTER = "starter";
  private static final String FIRST = "first";
  private static final String SECOND = "second";
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final String LOCKED = "TN001";
  private static final int OK = 200;
  private static final byte[] EMPTY = {};

  private final Map<String, Service> services = new HashMap<>();
  private final Transfer transfer;
  private final SagaType<Order, String> three =
      new SagaType<>("three", Order.class, String.class, TIMEOUT, this::threeSteps);

  /** How a transfer is made. */
  @FunctionalInterface
  private interface Transfer {
    boolean run(TenonBank bank, int account) throws Exception;
  }

  /** What a participant does for a call. */
  record Order(int account, int amount) {}

  private record Service(
      String name,
      HikariDataSource pool,
      Transactions transactions,
      Messaging messaging,
      GlobalTransactions global,
      Kind kind)
      implements AutoCloseable {
    @Override
    public void close() {
      global.close();
      messaging.close();
      pool.close();
    }
  }

  /**
   * What a call does, and how it ends.
   *
   * @param change made by the call
   * @param branch the branch that it opens
   */
  private record Kind(Accounts.Change change, Optional<BranchType<Order>> branch) {}

  private static final Kind TCC =
      new Kind(
          Accounts::hold,
          Optional.of(
              BranchType.tcc(
                  "reservation",
                  Order.class,
                  (order, unit) -> Accounts.confirm(unit.connection(), order.account, order.amount),
                  (order, unit) ->
                      Accounts.cancel(unit.connection(), order.account, order.amount))));

  private static final Kind SAGA =
      new Kind(
          Accounts::add,
          Optional.of(
              BranchType.saga(
                  "change",
                  Order.class,
                  (order, unit) -> Accounts.add(unit.connection(), order.account, -order.amount))));

  private static final Kind XA =
      new Kind(Accounts::add, Optional.of(BranchType.xa("prepared", Order.class)));

  /** Its table is opted in, and its code opens nothing. */
  private static final Kind AT = new Kind(Accounts::add, Optional.empty());

  private TenonBank(BankSite site, Kind kind, Transfer transfer) {
    this.transfer = transfer;
    for (String name : List.of(STARTER, FIRST, SECOND)) {
      BankDatabase database =
          switch (name) {
            case FIRST -> site.first();
            case SECOND -> site.second();
            default -> site.own();
          };
      services.put(name, open(name, database, kind));
    }
    services.values().forEach(service -> service.global().start());
  }

  private Service open(String name, BankDatabase database, Kind kind) {
    HikariDataSource pool = database.pool(BankSite.CONNECTIONS);
    Transactions transactions = Transactions.of(ServiceDatabase.builder(name, pool).open());
    Messaging messaging = Messaging.builder(transactions).build();
    GlobalTransactions.Builder global =
        GlobalTransactions.builder(transactions, messaging)
            .transport(new Line(name))
            .signer(ServiceIdentity.development(name).xidSigner());
    kind.branch().ifPresent(global::branch);
    if (kind.equals(AT) && !name.equals(STARTER)) {
      AutomaticTables.of("tenon").enable(pool, List.of("account"));
    }
    if (name.equals(STARTER)) {
      global.saga(three);
    }
    return new Service(name, pool, transactions, messaging, global.build(), kind);
  }

  static Bank tcc(BankSite site) {
    return new TenonBank(site, TCC, TenonBank::transferInOne);
  }

  static Bank saga(BankSite site) {
    return new TenonBank(site, SAGA, TenonBank::transferInOne);
  }

  static Bank at(BankSite site) {
    return new TenonBank(site, AT, TenonBank::transferInOne);
  }

  static Bank xa(BankSite site) {
    return new TenonBank(site, XA, TenonBank::transferInOne);
  }

  static Bank sagaOfThree(BankSite site) {
    return new TenonBank(site, SAGA, TenonBank::transferBySaga);
  }

  @Override
  public boolean transfer(int account) throws Exception {
    return transfer.run(this, account);
  }

  private boolean transferInOne(int account) throws SQLException {
    try {
      service(STARTER)
          .global()
          .run(
              TIMEOUT,
              transaction -> {
                call(FIRST, new Order(account, -1));
                call(SECOND, new Order(account, 1));
              });
      return true;
    } catch (SQLException e) {
      if (LOCKED.equals(e.getSQLState())) {
        return false;
      }
      throw e;
    } catch (GlobalTransactionException e) {
      if (e.told() == GlobalTransactionException.Told.ABORTED) {
        return false;
      }
      throw e;
    }
  }

  private boolean transferBySaga(int account) throws InterruptedException {
    Sagas sagas = service(STARTER).global().sagas();
    String id = UUID.randomUUID().toString();
    sagas.start(three, id, new Order(account, 1));
    Optional<String> result = sagas.result(three, id, TIMEOUT);
    if (result.isEmpty()) {
      throw new BenchmarkException("Could not await saga " + id + " within " + TIMEOUT + ".");
    }
    return true;
  }

  private String threeSteps(SagaScope scope, Order order) throws Exception {
    scope.call("take", calling(FIRST, new Order(order.account, -2)));
    scope.call("give", calling(SECOND, new Order(order.account, 1)));
    scope.call("return", calling(FIRST, new Order(order.account, 1)));
    return "done";
  }

  private Callable<Boolean> calling(String service, Order order) {
    return () -> {
      call(service, order);
      return true;
    };
  }

  /** What a client and a server do with a call, without the network between them. */
  private void call(String name, Order order) throws SQLException {
    GlobalCall call = GlobalCall.begin(name).orElseThrow();
    Service service = service(name);
    Receipt receipt;
    try {
      receipt = handle(service, call, order);
    } catch (SQLException e) {
      call.failed(service.global().participant().failedListing(e).orElse(null));
      throw e;
    }
    call.answered(reply(receipt).headers().get(Listing.HEADER));
  }

  private static Receipt handle(Service service, GlobalCall call, Order order) throws SQLException {
    Participant participant = service.global().participant();
    return participant.handle(
        new BranchCall(call.xid(), call.step(), STARTER, "change"),
        Fingerprint.ofValue("change", order),
        unit -> {
          service.kind().change().run(unit.connection(), order.account, order.amount);
          service.kind().branch().ifPresent(branch -> participant.open(branch, order));
          return new StoredReply(OK, Map.of(), EMPTY);
        });
  }

  private static StoredReply reply(Receipt receipt) {
    return switch (receipt) {
      case Receipt.Executed executed -> executed.reply();
      case Receipt.Replayed replayed -> replayed.reply();
      case Receipt.Rejected rejected ->
          throw new BenchmarkException("Could not call: " + rejected.reason());
    };
  }

  private Service service(String name) {
    return Optional.ofNullable(services.get(name)).orElseThrow();
  }

  @Override
  public void settle() {
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    while (held()) {
      if (System.nanoTime() - deadline > 0) {
        throw new BenchmarkException("Could not end all branches within " + TIMEOUT + ".");
      }
      Pauses.millis(1);
    }
  }

  private boolean held() {
    return services.values().stream()
        .anyMatch(service -> service.global().counts().branches().inDoubt() > 0);
  }

  @Override
  public void close() {
    services.values().forEach(Service::close);
  }

  /** Phase two, without the network. */
  private final class Line implements GlobalTransport {
    private final String caller;

    Line(String caller) {
      this.caller = caller;
    }

    @Override
    public List<OrderResult> finish(String service, List<BranchOrder> orders) {
      return service(service).global().endpoint().finish(caller, orders);
    }

    @Override
    public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
      return service(starter).global().endpoint().inquire(caller, questions);
    }
  }
}
