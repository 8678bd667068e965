/** A service's own database: its migrations, Tenon's tables beside it, its owner, its dialect. */
@NullMarked
package dev.tenon.schema;

import org.jspecify.annotations.NullMarked;
