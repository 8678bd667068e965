/**
 * A real PostgreSQL for tests, demos and benchmarks, from binaries on the class path: no Docker, no
 * installation.
 *
 * <p>Start with {@link dev.tenon.testing.database.PostgresExtension} in a JUnit test and with
 * {@link dev.tenon.testing.database.PostgresServer} elsewhere. This package knows nothing of
 * Tenon's other modules: it gives databases, and can take them away as a crash would.
 */
@NullMarked
package dev.tenon.testing.database;

import org.jspecify.annotations.NullMarked;
