/**
 * What every module may use: clock, ids, randomness, scheduling, crash points and JSON.
 *
 * <p>It performs no I/O and knows no other module.
 */
@NullMarked
package dev.tenon.runtime;

import org.jspecify.annotations.NullMarked;
