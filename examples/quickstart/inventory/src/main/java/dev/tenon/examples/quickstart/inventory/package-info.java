/** Quickstart service {@code inventory}. Owns stock and reserves it. */
@NullMarked
package dev.tenon.examples.quickstart.inventory;

import org.jspecify.annotations.NullMarked;
