package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * The logins of services, by the service's name.
 *
 * @param byService never empty
 */
record ServiceLogins(Map<String, Login> byService) {
  private static final int CONNECT_SECONDS_MAX = 10;

  ServiceLogins {
    byService = Map.copyOf(byService);
  }

  /**
   * A login to a service's own database.
   *
   * @param jdbcUrl without credentials
   */
  record Login(String jdbcUrl, String user, String password) {

    PGSimpleDataSource dataSource() {
      PGSimpleDataSource source = new PGSimpleDataSource();
      source.setURL(jdbcUrl);
      source.setUser(user);
      source.setPassword(password);
      source.setConnectTimeout(CONNECT_SECONDS_MAX);
      source.setApplicationName("tenon cli");
      return source;
    }

    @Override
    public String toString() {
      return "Login[jdbcUrl=" + jdbcUrl + ", user=" + user + "]";
    }
  }

  Login of(String service) {
    return requireNonNull(byService.get(service), service);
  }

  /** Opens a connection as a service; the caller closes it. */
  Connection connect(String service) throws SQLException {
    return of(service).dataSource().getConnection();
  }
}
