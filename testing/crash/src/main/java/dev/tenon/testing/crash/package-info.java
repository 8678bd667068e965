/**
 * The crash explorer: runs a scenario once, counts every commit and send, then reruns it crashing
 * at each of them in turn.
 */
@NullMarked
package dev.tenon.testing.crash;

import org.jspecify.annotations.NullMarked;
