package dev.tenon.schema;

import static java.util.Objects.requireNonNull;

import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import javax.sql.DataSource;

/**
 * Makes what a service owns on a PostgreSQL server: one database and one login, which is the only
 * one that may connect to it; or, for teams that split a monolith step by step, one login and two
 * schemas in a database that services share. No service can read another's data, by the server's
 * own rules.
 *
 * <p>Everything may be repeated, and several processes may do it at once. Passwords are sent as
 * SCRAM-SHA-256 verifiers, so that they stand in no log of the server either; nothing here logs
 * them. Thread-safe.
 */
public final class ServiceProvisioner {
  private static final String LOGIN_RULE = "[a-z][a-z0-9_-]{0,62}";

  /** Leaves room for {@link #TENON_SUFFIX} in a name of at most 63. */
  private static final String SCHEMA_SERVICE_RULE = "[a-z][a-z0-9-]{0,56}";

  private static final String TENON_SUFFIX = "_tenon";

  /** ASCII needs no normalization before it is hashed (RFC 4013). */
  private static final String PASSWORD_RULE = "[ -~]{8,128}";

  private final DataSource admin;
  private final RandomGenerator random;

  ServiceProvisioner(DataSource admin, RandomGenerator random) {
    this.admin = requireNonNull(admin, "admin");
    this.random = requireNonNull(random, "random");
  }

  /**
   * A provisioner for a server.
   *
   * @param admin connections to the server, as a login that may create databases and roles; to any
   *     database, but always the same one, so that processes wait for one another. For {@link
   *     #provisionSchema}, to the database that the services share, as a login that may create
   *     schemas and roles
   * @return the provisioner
   */
  public static ServiceProvisioner of(DataSource admin) {
    return new ServiceProvisioner(admin, new SecureRandom());
  }

  /**
   * Makes a service's database, named like the service, and its login, as far as they are missing;
   * sets the password; and lets nobody else connect.
   *
   * @param service the service's name: lower-case letters, digits and dashes, at most 63
   * @param login the service's login: lower-case letters, digits, dashes and underscores, at most
   *     63; of no other service
   * @param password from 8 to 128 printable ASCII characters
   * @throws IllegalArgumentException if an argument breaks its rule; the password is not shown
   * @throws SchemaException if the login or the database is somebody else's, or the server refuses;
   *     what was made before that stays, and a repetition goes on from there
   */
  public void provisionDatabase(String service, String login, String password) {
    require("service", service, ServiceDatabaseBuilder.NAME_RULE);
    require(login, password);
    locked(
        service,
        login,
        connection -> {
          checkOwners(connection, service, login);
          makeLogin(connection, login, password);
          asOwner(connection, login, () -> createDatabase(connection, service, login));
        });
  }

  /**
   * Makes what a service owns in the administrator's database, as far as it is missing: its login,
   * a schema for its own tables, and one for Tenon's; sets the password; and lets nobody else use
   * the schemas. The first is named like the service, with underscores for dashes, and is where the
   * login's unqualified names lead ({@code search_path}); the second has {@code _tenon} behind that
   * name. The service opens its database with that second name.
   *
   * <p>What others have is left as it is, and nothing of it is granted. So the login reads of a
   * monolith in the same database what the monolith grants to PUBLIC: revoke {@code USAGE} on its
   * schemas there, if it grants tables to PUBLIC. Superusers read everything, as ever.
   *
   * @param service the service's name: lower-case letters, digits and dashes, at most 57
   * @param login the service's login: lower-case letters, digits, dashes and underscores, at most
   *     63; of no other service, and not the monolith's
   * @param password from 8 to 128 printable ASCII characters
   * @return the name of the schema for Tenon's tables, for {@link
   *     ServiceDatabase.Builder#tenonSchema}
   * @throws IllegalArgumentException if an argument breaks its rule; the password is not shown
   * @throws SchemaException if the login or a schema is somebody else's, or the server refuses;
   *     what was made before that stays, and a repetition goes on from there
   */
  public String provisionSchema(String service, String login, String password) {
    require("service", service, SCHEMA_SERVICE_RULE);
    require(login, password);
    String own = service.replace('-', '_');
    List<String> schemas = List.of(own, own + TENON_SUFFIX);
    locked(
        service,
        login,
        connection -> {
          checkSchemaOwners(connection, service, login, schemas);
          makeLogin(connection, login, password);
          String database = query(connection, "SELECT current_database()").getFirst();
          asOwner(connection, login, () -> createSchemas(connection, database, login, schemas));
        });
    return own + TENON_SUFFIX;
  }

  private static void require(String login, String password) {
    require("login", login, LOGIN_RULE);
    if (!requireNonNull(password, "password").matches(PASSWORD_RULE)) {
      throw new IllegalArgumentException(
          "password: not shown (expected: 8..128 printable ASCII characters)");
    }
  }

  @FunctionalInterface
  private interface Steps {
    void run(Connection connection) throws SQLException;
  }

  private void locked(String service, String login, Steps steps) {
    try (Connection connection = admin.getConnection()) {
      connection.setAutoCommit(true);
      // Databases cannot be created inside of a transaction, so the lock is the session's.
      query(connection, "SELECT pg_advisory_lock(hashtext('tenon.provision'))");
      try {
        steps.run(connection);
      } finally {
        query(connection, "SELECT pg_advisory_unlock(hashtext('tenon.provision'))");
      }
    } catch (SQLException e) {
      throw new SchemaException(
          "Could not provision the database [service="
              + service
              + ", login="
              + login
              + "]: "
              + e.getMessage()
              + ". Check that the administrator's login may create them, and roles.",
          e);
    }
  }

  private static void checkOwners(Connection connection, String service, String login)
      throws SQLException {
    checkLogin(connection, service, login, service);
    List<String> owners =
        query(
            connection,
            "SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
                + " WHERE d.datname = ? AND r.rolname <> ?",
            service,
            login);
    if (!owners.isEmpty()) {
      throw refused(service, login, "the database belongs to login " + owners.getFirst());
    }
  }

  /** Refuses logins that could read more than the service's own. */
  private static void checkLogin(
      Connection connection, String service, String login, String database) throws SQLException {
    if (!query(connection, "SELECT 1 FROM pg_roles WHERE rolname = ? AND rolsuper", login)
        .isEmpty()) {
      throw refused(service, login, "the login is a superuser, who may read everything");
    }
    List<String> others =
        query(
            connection,
            "SELECT d.datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
                + " WHERE r.rolname = ? AND d.datname <> ?",
            login,
            database);
    if (!others.isEmpty()) {
      throw refused(service, login, "the login owns database " + others.getFirst());
    }
  }

  private static void checkSchemaOwners(
      Connection connection, String service, String login, List<String> schemas)
      throws SQLException {
    checkLogin(connection, service, login, "");
    for (String schema : schemas) {
      List<String> owners =
          query(
              connection,
              "SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner"
                  + " WHERE n.nspname = ? AND r.rolname <> ?",
              schema,
              login);
      if (!owners.isEmpty()) {
        throw refused(
            service, login, "schema " + schema + " belongs to login " + owners.getFirst());
      }
    }
    List<String> others =
        query(
            connection,
            "SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner"
                + " WHERE r.rolname = ? AND n.nspname NOT IN (?, ?)",
            login,
            schemas.getFirst(),
            schemas.getLast());
    if (!others.isEmpty()) {
      throw refused(service, login, "the login owns schema " + others.getFirst());
    }
  }

  private void makeLogin(Connection connection, String login, String password) throws SQLException {
    boolean known = !query(connection, "SELECT 1 FROM pg_roles WHERE rolname = ?", login).isEmpty();
    execute(
        connection,
        (known ? "ALTER" : "CREATE") + " ROLE %I LOGIN PASSWORD %L",
        login,
        ScramVerifier.of(password, random));
  }

  private static void createSchemas(
      Connection connection, String database, String login, List<String> schemas)
      throws SQLException {
    for (String schema : schemas) {
      execute(connection, "CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", schema, login);
      execute(connection, "REVOKE ALL ON SCHEMA %I FROM PUBLIC", schema);
    }
    if (query(
            connection,
            "SELECT 1 WHERE has_database_privilege(?, current_database(), 'CONNECT')",
            login)
        .isEmpty()) {
      execute(connection, "GRANT CONNECT ON DATABASE %I TO %I", database, login);
    }
    execute(
        connection,
        "ALTER ROLE %I IN DATABASE %I SET search_path = %I",
        login,
        database,
        schemas.getFirst());
  }

  private static void createDatabase(Connection connection, String service, String login)
      throws SQLException {
    if (query(connection, "SELECT 1 FROM pg_database WHERE datname = ?", service).isEmpty()) {
      execute(connection, "CREATE DATABASE %I OWNER %I", service, login);
    }
    execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", service);
  }

  @FunctionalInterface
  private interface Work {
    void run() throws SQLException;
  }

  /** To give a database away, an administrator who is no superuser must be of the new owner. */
  private static void asOwner(Connection connection, String login, Work work) throws SQLException {
    boolean member =
        !query(
                connection,
                "SELECT 1 FROM pg_roles WHERE rolname = ? AND pg_has_role(oid, 'USAGE')",
                login)
            .isEmpty();
    if (!member) {
      execute(connection, "GRANT %I TO CURRENT_USER", login);
    }
    try {
      work.run();
    } finally {
      if (!member) {
        execute(connection, "REVOKE %I FROM CURRENT_USER", login);
      }
    }
  }

  private static SchemaException refused(String service, String login, String reason) {
    return new SchemaException(
        "Could not provision the database [service="
            + service
            + ", login="
            + login
            + "]: "
            + reason
            + ". Give each service a login and a database of its own.");
  }

  private static void require(String name, String value, String rule) {
    if (!requireNonNull(value, name).matches(rule)) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: " + rule + ")");
    }
  }

  private static List<String> query(Connection connection, String sql, String... values)
      throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        select.setString(i + 1, values[i]);
      }
      List<String> found = new ArrayList<>();
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found.add(row.getString(1));
        }
      }
      return found;
    }
  }

  /** Such statements take no parameters, so the server itself quotes the names into them. */
  private static void execute(Connection connection, String template, String... names)
      throws SQLException {
    String[] values = new String[names.length + 1];
    values[0] = template;
    System.arraycopy(names, 0, values, 1, names.length);
    String sql =
        query(connection, "SELECT format(?" + ", ?::text".repeat(names.length) + ")", values)
            .getFirst();
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }
}
