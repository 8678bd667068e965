/** Quickstart service {@code user}. Owns users. */
@NullMarked
package dev.tenon.examples.quickstart.user;

import org.jspecify.annotations.NullMarked;
