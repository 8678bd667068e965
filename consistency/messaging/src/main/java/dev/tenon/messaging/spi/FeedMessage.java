package dev.tenon.messaging.spi;

import dev.tenon.messaging.Message;

/**
 * A message and its place in the log.
 *
 * @param cursor the position just after it
 * @param message the message
 */
public record FeedMessage(Cursor cursor, Message message) {}
