/** Tests of the embedded PostgreSQL, each against real servers. */
@NullMarked
package dev.tenon.testing.database;

import org.jspecify.annotations.NullMarked;
