package dev.tenon.testing.database;

import static java.util.Objects.requireNonNull;

/**
 * A database of its own with the login that owns it. No other login (superusers apart) may connect
 * to it. Immutable.
 *
 * @param name the database's name
 * @param jdbcUrl the JDBC address, without credentials
 * @param user the login that owns the database
 * @param password the login's password
 */
public record Database(String name, String jdbcUrl, String user, String password) {

  /** Refuses null parts. */
  public Database {
    requireNonNull(name, "name");
    requireNonNull(jdbcUrl, "jdbcUrl");
    requireNonNull(user, "user");
    requireNonNull(password, "password");
  }

  /** Names the database and its login; the password is left out. */
  @Override
  public String toString() {
    return "Database[name=" + name + ", jdbcUrl=" + jdbcUrl + ", user=" + user + "]";
  }
}
