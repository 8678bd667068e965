package dev.tenon.schema;

import javax.sql.DataSource;

/**
 * A service's own database: the service's name, where its connections come from, what kind of
 * database it is, and its tables in place, its own and Tenon's. Immutable and thread-safe.
 */
public interface ServiceDatabase {

  /**
   * Begins with what every database needs.
   *
   * @param service the service's name: lower-case letters, digits and dashes, at most 63
   * @param dataSource where connections come from; a pool in production
   * @return a builder
   */
  static Builder builder(String service, DataSource dataSource) {
    return new ServiceDatabaseBuilder(service, dataSource);
  }

  /**
   * The service's name.
   *
   * @return the name
   */
  String service();

  /**
   * Where connections come from.
   *
   * @return the data source
   */
  DataSource dataSource();

  /**
   * What kind of database it is.
   *
   * @return the dialect
   */
  Dialect dialect();

  /**
   * The schema that Tenon's own tables are in.
   *
   * @return its name, {@code tenon} unless it was set
   */
  String tenonSchema();

  /** Collects the parts of a service's database. Not thread-safe. */
  interface Builder {
    /**
     * Where the service's own Flyway migrations are; none unless set, for services that migrate by
     * other means.
     *
     * @param locations such as {@code classpath:db/migration}
     * @return this
     */
    Builder migrations(String... locations);

    /**
     * In which schema Tenon's own tables are; {@code tenon} unless set. Services that share a
     * database have one each, as {@link ServiceProvisioner#provisionSchema} makes them. The
     * service's own tables are where its login's {@code search_path} says. Every instance of a
     * service needs the same name: with another one it begins with an empty log.
     *
     * @param schema the name: lower-case letters, digits and underscores, a letter first, at most
     *     63; it is made if it is missing and the login may do so
     * @return this
     * @throws IllegalArgumentException if the name breaks the rule
     */
    Builder tenonSchema(String schema);

    /**
     * Connects, finds out the dialect, and migrates Tenon's tables and the service's own. Safe to
     * repeat, and for several instances at once. A schema with tables but without a history is
     * taken as it is: version 1 of the service's own migrations counts as applied. Tables of a
     * newer minor version of Tenon are left alone.
     *
     * @return the database, ready for use
     * @throws SchemaException if the database cannot be reached, is of no known kind or a standby,
     *     if it is newer than this code, if it or the schema belongs to another service, if a
     *     pooler in transaction mode would mix prepared statements up, or if a migration fails;
     *     what was migrated before stays
     */
    ServiceDatabase open();
  }
}
