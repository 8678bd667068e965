/**
 * Messages between services: an append-only outbox log, its feed, and the effects of each message
 * exactly once.
 */
@NullMarked
package dev.tenon.messaging;

import org.jspecify.annotations.NullMarked;
