/** What implementations of {@link dev.tenon.transaction.Transactions} share. */
@NullMarked
package dev.tenon.transaction.spi;

import org.jspecify.annotations.NullMarked;
