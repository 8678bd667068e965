package dev.tenon.schema;

import javax.sql.DataSource;

/** A database whose tables are in place. */
record OpenServiceDatabase(
    String service, DataSource dataSource, Dialect dialect, String tenonSchema)
    implements ServiceDatabase {}
