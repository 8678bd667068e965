package dev.tenon.bench;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.time.Duration;
import java.util.List;
import javax.sql.CommonDataSource;
import org.postgresql.ds.PGSimpleDataSource;
import org.postgresql.ds.common.BaseDataSource;

/**
 * A database that a process of a peer works on. What goes over its connections is counted.
 *
 * @param url of JDBC
 * @param user who may do everything in it
 * @param password the user's
 */
record BankDatabase(String url, String user, String password) {
  /** All connections of a process are counted together. */
  static final String COUNTER = "bank";

  private static final Duration IDLE_MAX = Duration.ofSeconds(10);
  private static final int PARTS = 3;

  List<String> arguments() {
    return List.of(url, user, password);
  }

  /** The other side of {@link #arguments}. */
  static BankDatabase of(List<String> arguments, int place) {
    List<String> own = arguments.subList(place * PARTS, (place + 1) * PARTS);
    return new BankDatabase(own.get(0), own.get(1), own.get(2));
  }

  /** Sets a source of the driver up for it. */
  <T extends BaseDataSource & CommonDataSource> T configure(T driver) {
    driver.setURL(url);
    driver.setUser(user);
    driver.setPassword(password);
    driver.setSocketFactory(CountingSocketFactory.class.getName());
    driver.setSocketFactoryArg(COUNTER);
    return driver;
  }

  /** A pool that shrinks while other peers have their turn; to be closed by the caller. */
  HikariDataSource pool(int connections) {
    HikariConfig config = new HikariConfig();
    config.setDataSource(configure(new PGSimpleDataSource()));
    config.setMaximumPoolSize(connections);
    config.setMinimumIdle(1);
    config.setIdleTimeout(IDLE_MAX.toMillis());
    return new HikariDataSource(config);
  }
}
