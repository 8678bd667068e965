package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two instances of a publisher and two of a subscriber, each a process, over HTTP: killed with
 * {@code kill -9} while messages flow.
 */
class TakeoverIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final List<Process> processes = new ArrayList<>();
  private final Database shopDatabase = postgres.freshDatabase("shop");
  private final Database stockDatabase = postgres.freshDatabase("stock");
  private final DataSource shop = postgres.dataSource(shopDatabase);
  private final DataSource stock = postgres.dataSource(stockDatabase);

  @TempDir private Path directory;

  private static ConditionFactory await() {
    return Awaitility.await()
        .atMost(Duration.ofSeconds(120))
        .pollInterval(Duration.ofMillis(100))
        .pollDelay(Duration.ZERO);
  }

  private static List<String> rows(DataSource dataSource, String sql) {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement()) {
      List<String> rows = new ArrayList<>();
      if (statement.execute(sql)) {
        try (ResultSet row = statement.getResultSet()) {
          while (row.next()) {
            rows.add(row.getString(1));
          }
        }
      }
      return rows;
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static int count(DataSource dataSource, String sql) {
    return Integer.parseInt(rows(dataSource, sql).getFirst());
  }

  private Process publisher(String name) throws IOException {
    Process process = ServiceProcess.publisher(name, shopDatabase, directory.resolve(name));
    processes.add(process);
    return process;
  }

  private String address(String publisher) throws IOException {
    Path file = directory.resolve(publisher);
    await().until(() -> Files.exists(file));
    return Files.readString(file);
  }

  private Process subscriber(String name, List<String> publishers) throws IOException {
    Process process = ServiceProcess.subscriber(name, stockDatabase, publishers);
    processes.add(process);
    return process;
  }

  @BeforeEach
  void createTables() {
    rows(
        shop,
        "CREATE TABLE sale (product text, number int, PRIMARY KEY (product, number));"
            + "CREATE TABLE closed (at timestamptz)");
    rows(
        stock,
        "CREATE TABLE sold (place bigserial, product text, number int, instance text,"
            + " PRIMARY KEY (product, number))");
  }

  @AfterEach
  void end() {
    processes.forEach(Process::destroyForcibly);
  }

  /** Waits until so many more sales of each of a publisher's products are booked. */
  private void awaitMoreOf(String publisher, String booker) {
    String sql =
        "SELECT count(*) FROM sold WHERE product LIKE '%s%%' AND instance LIKE '%s'"
            .formatted(publisher, booker);
    int before = count(stock, sql);
    await().until(() -> count(stock, sql) > before + 100);
  }

  @Test
  void goesOnThroughTheOtherInstancesWithNothingLostAndTheOrderOfEachKeyKept()
      throws IOException, InterruptedException {
    Process left = publisher("a");
    Process unused = publisher("b");
    List<String> publishers = List.of(address("a"), address("b"));
    Process first = subscriber("one", publishers);
    Process second = subscriber("two", publishers);
    awaitMoreOf("a", "one");
    awaitMoreOf("b", "two");

    left.destroyForcibly().waitFor();
    int soldByLeft = count(shop, "SELECT count(*) FROM sale WHERE product LIKE 'a%'");
    awaitMoreOf("b", "one");
    awaitMoreOf("b", "two");
    await()
        .until(
            () -> count(stock, "SELECT count(*) FROM sold WHERE product LIKE 'a%'") == soldByLeft);

    first.destroyForcibly().waitFor();
    awaitMoreOf("b", "two");
    await()
        .until(
            () ->
                count(
                        stock,
                        "SELECT count(DISTINCT product) FROM sold WHERE instance = 'two'"
                            + " AND product LIKE 'b%'")
                    == ServiceProcess.PRODUCTS);

    rows(shop, "INSERT INTO closed VALUES (now())");
    assertThat(second.isAlive()).isTrue();
    await()
        .until(
            () ->
                count(stock, "SELECT count(*) FROM sold")
                    >= count(shop, "SELECT count(*) FROM sale"));
    assertThat(rows(stock, "SELECT product || ' ' || number FROM sold ORDER BY 1"))
        .isEqualTo(rows(shop, "SELECT product || ' ' || number FROM sale ORDER BY 1"));
    assertThat(
            rows(
                stock,
                "SELECT product || ' ' || number FROM (SELECT product, number, lag(number) OVER"
                    + " (PARTITION BY product ORDER BY place) AS before FROM sold) s"
                    + " WHERE number <= before"))
        .as("out of order")
        .isEmpty();
    assertThat(rows(stock, "SELECT id FROM tenon.retry")).isEmpty();
  }
}
