package dev.tenon.bench;

import static java.time.Duration.ZERO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What one transaction of each kind costs, counted at the sockets of all its services. */
class TransactionCostsIT {
  private static final int WARM_UP = 60;
  private static final int COUNTED = 100;

  private static final String OPEN =
      "select (select count(*) from pg_prepared_xacts where database = current_database())"
          + " + (select count(*) from tenon.branch where next_at is not null)";

  @RegisterExtension
  static final PostgresExtension postgres =
      PostgresExtension.dedicated(
          server ->
              server.setting("max_prepared_transactions", "64").setting("max_connections", "300"));

  /** A commit of acknowledgements is of many transactions, unless they are slow. */
  private static final double ACKNOWLEDGEMENTS_MAX = 1.1;

  /** Its limits, its update and the commit. */
  private static final int ACKNOWLEDGEMENT_TRIPS = 3;

  /**
   * What one costs where each has ended before the next begins, without its acknowledgement.
   *
   * @param commits in all three databases, those that end its branches included
   * @param roundTrips to them, for these commits
   */
  private record Costs(String name, Function<BankSite, Bank> kind, int commits, int roundTrips) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Costs> kinds() {
    return Stream.of(
        new Costs("at", TenonBank::at, 5, 18),
        new Costs("tcc", TenonBank::tcc, 5, 18),
        new Costs("xa", TenonBank::xa, 5, 12),
        new Costs("saga", TenonBank::saga, 5, 16),
        new Costs("sagaOfThree", TenonBank::sagaOfThree, 7, 23));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void costsAsManyCommitsAndRoundTripsAsItsProtocolNeeds(Costs costs) throws Exception {
    BankSites sites = new BankSites(postgres.server());
    BankSite site = sites.create(costs.name().toLowerCase(Locale.ROOT), false, 0);
    try (Bank bank = costs.kind().apply(site);
        Connection first = uncounted(site.first());
        Connection second = uncounted(site.second())) {
      transfer(bank, WARM_UP, List.of(first, second));
      BankSample.Usage before = BankSample.Usage.now();

      transfer(bank, COUNTED, List.of(first, second));

      BankSample.Usage used = BankSample.Usage.now().since(before);
      double acknowledging = used.commits() / (double) COUNTED - costs.commits();
      double others = used.roundTrips() / (double) COUNTED - acknowledging * ACKNOWLEDGEMENT_TRIPS;
      assertThat(acknowledging).as("commits beside those").isBetween(0.0, ACKNOWLEDGEMENTS_MAX);
      assertThat(others).as("round trips").isCloseTo(costs.roundTrips(), within(0.5));
    }
  }

  private static Connection uncounted(BankDatabase database) throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  private static void transfer(Bank bank, int times, List<Connection> participants)
      throws Exception {
    for (int i = 0; i < times; i++) {
      assertThat(bank.transfer(i % Accounts.PER_CLIENT)).isTrue();
      for (Connection participant : participants) {
        await()
            .pollDelay(ZERO)
            .pollInterval(Duration.ofMillis(1))
            .until(() -> open(participant) == 0);
      }
    }
  }

  /** How many branches have not ended in a database. */
  private static int open(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(OPEN)) {
      row.next();
      return row.getInt(1);
    }
  }
}
