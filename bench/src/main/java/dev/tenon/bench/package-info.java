/** Tenon beside its peers on the same work, in one run. */
@NullMarked
package dev.tenon.bench;

import org.jspecify.annotations.NullMarked;
