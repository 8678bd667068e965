package dev.tenon.bench;

import dev.tenon.bench.BankSample.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;

/**
 * Clients that transfer without a pause for a while, each on a thread.
 *
 * @param clients how many
 * @param hot whether all use one account, rather than many of their own in turn
 * @param seconds how long
 */
record BankLoad(int clients, boolean hot, double seconds) {
  private static final double NANOS = 1e9;
  private static final int DIGITS = 3;
  private static final long REFUSALS_MAX = 10_000;
  private static final long REFUSAL_PAUSE_MILLIS = 5;

  String line() {
    return clients + " " + hot + " " + seconds;
  }

  static BankLoad parse(String line) {
    String[] parts = line.split(" ", -1);
    return new BankLoad(
        Integer.parseInt(parts[0]), Boolean.parseBoolean(parts[1]), Double.parseDouble(parts[2]));
  }

  /**
   * Transfers, and measures this whole process.
   *
   * @throws ExecutionException if nobody knows what became of a transfer
   */
  BankSample run(Bank bank) throws InterruptedException, ExecutionException {
    Usage before = Usage.now();
    LongAdder refused = new LongAdder();
    long start = System.nanoTime();
    Histogram all = transfers(bank, start + (long) (seconds * NANOS), refused);
    long answered = System.nanoTime();
    bank.settle();
    long settled = System.nanoTime();
    Usage used = Usage.now().since(before);
    return new BankSample(
        (answered - start) / NANOS,
        (settled - answered) / NANOS,
        refused.sum(),
        used.commits(),
        used.roundTrips(),
        used.micros(),
        all);
  }

  private Histogram transfers(Bank bank, long end, LongAdder refused)
      throws InterruptedException, ExecutionException {
    Histogram all = new Histogram(DIGITS);
    try (ExecutorService threads = Executors.newFixedThreadPool(clients)) {
      List<Future<Histogram>> running = new ArrayList<>();
      for (int client = 0; client < clients; client++) {
        int first = client * Accounts.PER_CLIENT;
        running.add(threads.submit(() -> transferUntil(bank, first, end, refused)));
      }
      for (Future<Histogram> client : running) {
        all.add(client.get());
      }
    }
    return all;
  }

  private Histogram transferUntil(Bank bank, int first, long end, LongAdder refused)
      throws Exception {
    Histogram own = new Histogram(DIGITS);
    long before = System.nanoTime();
    for (int i = 0; before < end; i++) {
      int account = hot ? 0 : first + i % Accounts.PER_CLIENT;
      long refusals = 0;
      while (!bank.transfer(account)) {
        refused.increment();
        Pauses.millis(REFUSAL_PAUSE_MILLIS);
        if (++refusals > REFUSALS_MAX) {
          throw new BenchmarkException("Could not transfer: it is refused all the time.");
        }
      }
      long after = System.nanoTime();
      own.recordValue(TimeUnit.NANOSECONDS.toMicros(after - before));
      before = after;
    }
    return own;
  }
}
