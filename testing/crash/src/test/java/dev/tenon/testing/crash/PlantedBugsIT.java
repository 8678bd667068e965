package dev.tenon.testing.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.testing.crash.Violation.Phase;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.SQLException;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(CrashExplorerExtension.class)
class PlantedBugsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static HikariDataSource orders;
  private static HikariDataSource stock;

  @BeforeAll
  static void createTables() throws SQLException {
    orders = pool("order");
    stock = pool("stock");
    TwoServices.createTables(orders, stock);
  }

  @AfterAll
  static void closePools() {
    orders.close();
    stock.close();
  }

  private static HikariDataSource pool(String name) {
    HikariConfig config = new HikariConfig();
    config.setDataSource(postgres.dataSource(postgres.freshDatabase(name)));
    return new HikariDataSource(config);
  }

  @Test
  void findsNothingWhereEffectAndCursorShareACommit(CrashExplorer explorer) {
    Exploration exploration =
        explorer
            .secondCrashes(20)
            .explore(new FeedScenario(orders, stock, FeedScenario::correctly))
            .requireNoViolations();

    assertThat(exploration.commits()).isEqualTo(6);
    assertThat(exploration.sends()).isEqualTo(2);
    assertThat(exploration.runs()).isEqualTo(3 * 4 + 3 * 6 + 2 * 5 + 20);
    assertThat(exploration.strays()).isZero();
  }

  @Test
  void findsAnEffectOutsideTheTransaction(CrashExplorer explorer) {
    Exploration exploration =
        explorer.explore(
            new FeedScenario(orders, stock, FeedScenario::withEffectOutsideTheTransaction));

    assertThat(exploration.violations())
        .isNotEmpty()
        .allSatisfy(violation -> assertThat(violation.phase()).isEqualTo(Phase.CHECK))
        .anySatisfy(
            violation ->
                assertThat(violation.toString())
                    .contains("crash-after at commit")
                    .contains("of stock: update stock set sold = sold + ?")
                    .contains("FeedScenario.withEffectOutsideTheTransaction(")
                    .contains("[sold]"));
  }

  @Test
  void findsACursorCommittedBeforeTheEffect(CrashExplorer explorer) {
    Exploration exploration =
        explorer.explore(new FeedScenario(orders, stock, FeedScenario::withCursorBeforeEffect));

    assertThat(faultsAt(exploration, "update progress set seq = ?"))
        .containsExactlyInAnyOrder(
            Fault.CRASH_AFTER, Fault.CRASH_ALONE_AFTER, Fault.CONNECTION_LOST_AFTER);
    assertThat(faultsAt(exploration, "update stock set sold = sold + ?"))
        .containsExactlyInAnyOrder(
            Fault.CRASH_BEFORE, Fault.CRASH_ALONE_BEFORE, Fault.CONNECTION_LOST_BEFORE);
  }

  @Test
  void findsNothingWhereAnInboxBacksTheAcknowledgement(CrashExplorer explorer) {
    Exploration exploration =
        explorer
            .secondCrashes(20)
            .explore(new BrokerScenario(orders, stock, BrokerScenario::correctly))
            .requireNoViolations();

    assertThat(exploration.commits()).isEqualTo(6);
    assertThat(exploration.strays()).isZero();
  }

  @Test
  void findsAnAcknowledgementBeforeTheCommit(CrashExplorer explorer) {
    Exploration exploration =
        explorer.explore(
            new BrokerScenario(orders, stock, BrokerScenario::withAcknowledgementBeforeCommit));

    assertThat(faultsAt(exploration, "Broker.acknowledge"))
        .contains(Fault.CRASH_AFTER, Fault.ANSWER_LOST)
        .doesNotContain(Fault.CRASH_BEFORE);
  }

  @Test
  void findsAMissingInbox(CrashExplorer explorer) {
    Exploration exploration =
        explorer.explore(new BrokerScenario(orders, stock, BrokerScenario::withoutInbox));

    assertThat(faultsAt(exploration, "Broker.acknowledge"))
        .contains(Fault.CRASH_BEFORE, Fault.SEND_REFUSED)
        .doesNotContain(Fault.CRASH_AFTER);
    assertThatThrownBy(exploration::requireNoViolations)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("explored 6 commits and 8 sends by")
        .hasMessageContaining("crash-after at commit 5 of stock");
  }

  private static Set<Fault> faultsAt(Exploration exploration, String what) {
    return exploration.violations().stream()
        .flatMap(violation -> violation.faults().stream())
        .filter(injection -> injection.point().what().equals(what))
        .map(Violation.Injection::fault)
        .collect(Collectors.toSet());
  }
}
