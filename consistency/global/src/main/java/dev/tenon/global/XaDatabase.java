package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import javax.sql.DataSource;

/**
 * Another database of the service, beside its own one, that XA branches may write to.
 *
 * @param name unique in the service; prepared transactions are found by it, so it must not change
 *     while one is open
 * @param dataSource where connections come from; the server prepares transactions
 */
public record XaDatabase(String name, DataSource dataSource) {
  /** Checks that nothing is missing. */
  public XaDatabase {
    requireNonNull(dataSource, "dataSource");
    if (name.isBlank()) {
      throw new IllegalArgumentException("name: blank (expected: a name)");
    }
  }
}
