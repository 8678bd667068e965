package dev.tenon.testing.database;

/** How long a server and its data stay. */
enum Lifetime {

  /** Data and server go with their {@link PostgresServer}. */
  TEMPORARY,

  /** The data stay. */
  KEPT,

  /** The data and the server stay. */
  OUTLIVING
}
