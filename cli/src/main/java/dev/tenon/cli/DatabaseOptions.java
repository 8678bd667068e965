package dev.tenon.cli;

import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.Transactions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** Where a service's database is: one of the demo's, or any by its address. */
abstract class DatabaseOptions {
  private static final Logger log = LoggerFactory.getLogger(DatabaseOptions.class);
  private static final String PASSWORD_VARIABLE = "TENON_DATABASE_PASSWORD";

  @Option(names = "--url", paramLabel = "URL", description = "JDBC address of its database.")
  private @Nullable String url;

  @Option(names = "--user", paramLabel = "LOGIN", description = "Its login.")
  private @Nullable String user;

  @Option(
      names = "--schema",
      paramLabel = "NAME",
      defaultValue = "tenon",
      description = "Schema of Tenon's tables, if services share the database.")
  private String schema = "tenon";

  @Option(
      names = "--password",
      paramLabel = "PASSWORD",
      interactive = true,
      arity = "0..1",
      description = "Its password; else that in the variable " + PASSWORD_VARIABLE + ".")
  private char @Nullable [] password;

  /** Whether the address of a database was given; else it is one of the demo that is up. */
  boolean given() {
    return url != null;
  }

  ServiceLogins.Login login(String service) {
    if (url == null) {
      ServiceLogins.Login known =
          DemoState.require(DemoHome.here()).logins().byService().get(service);
      if (known == null) {
        throw new CliException(
            "service: %s (expected: one of %s)".formatted(service, DemoHome.SERVICES));
      }
      return known;
    }
    String given =
        password == null
            ? System.getenv().getOrDefault(PASSWORD_VARIABLE, "")
            : new String(password);
    return new ServiceLogins.Login(url, user == null ? service : user, given);
  }

  /** A service's units of work, for operations only. */
  Transactions transactions(String service) {
    requireTables(service);
    return Transactions.of(
        ServiceDatabase.builder(service, login(service).dataSource()).tenonSchema(schema).open());
  }

  /** Opening a database makes Tenon's tables in it: not in one that a mistyped address leads to. */
  private void requireTables(String service) {
    try (Connection connection = login(service).dataSource().getConnection();
        PreparedStatement select =
            connection.prepareStatement("SELECT to_regclass(?) IS NOT NULL")) {
      select.setString(1, schema + ".identity");
      try (ResultSet row = select.executeQuery()) {
        row.next();
        if (!row.getBoolean(1)) {
          throw new CliException(
              "Could not open the database [service="
                  + service
                  + ", schema="
                  + schema
                  + "]: it has no tables of Tenon's. Check the address, or start the service"
                  + " once.");
        }
      }
    } catch (SQLException e) {
      log.debug("Could not look for Tenon's tables; opening the database will say why", e);
    }
  }
}
