/**
 * Slow and hostile HTTP peers, to test that a listener keeps its limits. Start at {@link
 * dev.tenon.testing.attack.HostilePeer}. Nothing here knows how a listener is made.
 */
@NullMarked
package dev.tenon.testing.attack;

import org.jspecify.annotations.NullMarked;
