/** Quickstart service {@code payment}. Owns charges and refunds. */
@NullMarked
package dev.tenon.examples.quickstart.payment;

import org.jspecify.annotations.NullMarked;
