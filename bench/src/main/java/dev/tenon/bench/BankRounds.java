package dev.tenon.bench;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.database.PostgresServer;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The processes of all peers, measured in turn. Not thread-safe. */
final class BankRounds implements AutoCloseable {
  private static final Duration DISK_SPAN = Duration.ofMillis(300);
  private static final int WARM_UP_CLIENTS = 8;

  private final PostgresServer server;
  private final Gauges gauges;
  private final BankSites sites;
  private final SeataServers coordinators;
  private final PrintStream progress;
  private final Map<BankPeer, Peer> peers = new LinkedHashMap<>();
  private final Map<Case, List<Result>> samples = new LinkedHashMap<>();
  private final List<Double> diskFlushes = new ArrayList<>();

  /** A peer at work. */
  private static final class Peer {
    final String database;
    final BankProcess process;
    long transfers;

    Peer(String database, BankProcess process) {
      this.database = database;
      this.process = process;
    }
  }

  /**
   * What is measured.
   *
   * @param clients how many
   * @param hot whether all write the same rows
   * @param peer who
   */
  record Case(int clients, boolean hot, String peer) {}

  /**
   * What was measured.
   *
   * @param sample by the peer's processes
   * @param serverMicros processor time of the database server
   */
  record Result(BankSample sample, double serverMicros) {
    double perTransfer(double value) {
      return value / Math.max(1, sample.transfers());
    }
  }

  BankRounds(PostgresServer server, List<BankPeer> all, Path directory, PrintStream progress)
      throws IOException {
    this.server = server;
    this.gauges = new Gauges(server);
    this.sites = new BankSites(server);
    this.coordinators = new SeataServers(sites, directory);
    this.progress = progress;
    for (BankPeer peer : all) {
      String database = "p" + peers.size();
      int port = peer.coordinator().isEmpty() ? 0 : coordinators.port(peer.coordinator());
      BankSite site = sites.create(database, peer.libraries().equals("seata"), port);
      List<String> arguments = new ArrayList<>();
      arguments.add(peer.name());
      arguments.addAll(site.arguments());
      peers.put(
          peer,
          new Peer(
              database,
              BankProcess.start(
                  peer.name(),
                  peer.libraries(),
                  directory.resolve(database + ".log"),
                  List.of(
                      "-Dnet.bytebuddy.experimental=true",
                      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
                  BankMain.class,
                  arguments)));
    }
    for (Peer peer : peers.values()) {
      peer.process.await();
    }
  }

  Map<Case, List<Result>> samples() {
    return samples;
  }

  List<Double> diskFlushes() {
    return diskFlushes;
  }

  /** Runs everyone for a while, so that their code is compiled when it is measured. */
  void warmUp(double seconds) throws IOException {
    for (BankPeer peer : peers.keySet()) {
      BankSample sample = run(peer, new BankLoad(WARM_UP_CLIENTS, false, seconds)).sample();
      progress.printf(Locale.ROOT, "warm-up   %-24s %,9.0f/s%n", peer.name(), sample.rate());
    }
  }

  /** Measures each case once; each round begins with another peer. */
  void round(int round, List<Integer> clients, List<Integer> hot, double seconds)
      throws IOException {
    diskFlushes.add(Disk.flushesPerSecond(server.dataDirectory(), DISK_SPAN));
    List<BankPeer> turn = new ArrayList<>(peers.keySet());
    Collections.rotate(turn, -round);
    for (int count : clients) {
      for (BankPeer peer : turn) {
        measure(round, peer, new BankLoad(count, false, seconds));
      }
    }
    for (int count : hot) {
      for (BankPeer peer : turn) {
        if (peer.hot()) {
          measure(round, peer, new BankLoad(count, true, seconds));
        }
      }
    }
  }

  private void measure(int round, BankPeer peer, BankLoad load) throws IOException {
    Result result = run(peer, load);
    samples
        .computeIfAbsent(
            new Case(load.clients(), load.hot(), peer.name()), any -> new ArrayList<>())
        .add(result);
    progress.printf(
        Locale.ROOT,
        "round %d, %2d clients%s %-24s %,9.0f/s  settled in %.2f s, refused %d%n",
        round + 1,
        load.clients(),
        load.hot() ? " hot" : "    ",
        peer.name(),
        result.sample().rate(),
        result.sample().settling(),
        result.sample().refused());
  }

  private Result run(BankPeer peer, BankLoad load) throws IOException {
    Peer at = requireNonNull(peers.get(peer));
    gauges.checkpoint();
    double server = gauges.serverMicros();
    BankSample.Usage before = coordinator(peer);
    BankSample sample = BankSample.parse(at.process.ask(load.line()));
    sample = sample.and(coordinator(peer).since(before));
    at.transfers += sample.transfers();
    return new Result(sample, gauges.serverMicros() - server);
  }

  private BankSample.Usage coordinator(BankPeer peer) throws IOException {
    return peer.coordinator().isEmpty()
        ? new BankSample.Usage(0, 0, 0)
        : coordinators.usage(peer.coordinator());
  }

  /**
   * Checks the sums of everyone, and that nothing is left.
   *
   * @throws BenchmarkException if not
   */
  void check() {
    peers.forEach(
        (peer, at) -> {
          sites.check(peer, at.database, at.transfers);
          if (peer.coordinator().equals("db")) {
            sites.checkStore(peer, SeataServers.DATABASE);
          }
        });
    progress.println("checked: every transfer was made once, and nothing is held or prepared");
  }

  @Override
  public void close() {
    peers.values().forEach(peer -> peer.process.close());
    coordinators.close();
  }
}
