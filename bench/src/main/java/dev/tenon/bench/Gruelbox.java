package dev.tenon.bench;

import com.gruelbox.transactionoutbox.Dialect;
import com.gruelbox.transactionoutbox.Instantiator;
import com.gruelbox.transactionoutbox.Persistor;
import com.gruelbox.transactionoutbox.Submitter;
import com.gruelbox.transactionoutbox.TransactionManager;
import com.gruelbox.transactionoutbox.TransactionOutbox;
import com.zaxxer.hikari.HikariDataSource;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Peer: gruelbox transaction-outbox. A method call on a proxy is stored with the business row;
 * after the commit a thread of its executor locks the row, makes the call, deletes the row and
 * commits.
 */
final class Gruelbox implements Contender {
  private static final int WORKERS = 16;
  private static final Duration ATTEMPT_FREQUENCY = Duration.ofSeconds(15);
  private static final Duration CLOSE_MAX = Duration.ofSeconds(10);
  private static final Duration FLUSH_INTERVAL = Duration.ofSeconds(1);

  @Override
  public String name() {
    return "gruelbox";
  }

  @Override
  public String setup() {
    return "transaction-outbox 4.2.268: executor of "
        + WORKERS
        + " threads fed at commit, so that no message waits for a poll; flush loop each second for"
        + " what was missed; no idempotency key (it would add an update); batched insert at commit";
  }

  @Override
  public boolean delivers() {
    return true;
  }

  @Override
  public boolean peer() {
    return true;
  }

  @Override
  public Session open(Site site, int producers, Ledger ledger) {
    return new GruelboxSession(
        site.producerPool(producers + WORKERS + 1), site.consumerPool(WORKERS), ledger);
  }

  /** What the outbox calls: the consumer. */
  interface Consumer {
    /**
     * Applies a message.
     *
     * @param id the order's number
     * @param customer the key
     * @param text the payload
     */
    void accept(int id, String customer, String text);
  }

  private static final class GruelboxSession implements Session {
    private final HikariDataSource out;
    private final HikariDataSource in;
    private final ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
    private final ScheduledExecutorService flusher = Executors.newScheduledThreadPool(1);
    private final TransactionManager transactions;
    private final TransactionOutbox outbox;

    GruelboxSession(HikariDataSource out, HikariDataSource in, Ledger ledger) {
      this.out = out;
      this.in = in;
      this.transactions = TransactionManager.fromDataSource(out);
      Consumer consumer = (id, customer, text) -> accept(new Order(id, customer, text), ledger);
      this.outbox =
          TransactionOutbox.builder()
              .transactionManager(transactions)
              .persistor(Persistor.forDialect(Dialect.POSTGRESQL_9))
              .instantiator(Instantiator.using(type -> consumer))
              .submitter(Submitter.withExecutor(workers))
              .attemptFrequency(ATTEMPT_FREQUENCY)
              .serializeMdc(false)
              .build();
      long interval = FLUSH_INTERVAL.toMillis();
      var unused =
          flusher.scheduleWithFixedDelay(this::flush, interval, interval, TimeUnit.MILLISECONDS);
    }

    @Override
    public void produce(Order order) {
      transactions.inTransaction(
          transaction -> {
            BusinessTables.insertOrder(transaction.connection(), order);
            outbox.schedule(Consumer.class).accept(order.id(), order.customer(), order.text());
          });
    }

    @Override
    public void close() {
      flusher.shutdownNow();
      workers.shutdown();
      try {
        if (!workers.awaitTermination(CLOSE_MAX.toSeconds(), TimeUnit.SECONDS)) {
          workers.shutdownNow();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      out.close();
      in.close();
    }

    private void accept(Order order, Ledger ledger) {
      BusinessTables.applyOnce(in, order);
      ledger.effected(order.id());
    }

    private void flush() {
      while (outbox.flush() && !Thread.currentThread().isInterrupted()) {
        // Until nothing is left, as its guide says.
      }
    }
  }
}
