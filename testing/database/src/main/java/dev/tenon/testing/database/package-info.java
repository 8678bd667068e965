/** A real, embedded PostgreSQL for tests and demos: no Docker, no installed server. */
@NullMarked
package dev.tenon.testing.database;

import org.jspecify.annotations.NullMarked;
