package dev.tenon.messaging;

import dev.tenon.transaction.UnitOfWork;

/**
 * What a consumer may know of a delivery besides the payload.
 *
 * @param publisher the service that published the message
 * @param message the message
 * @param attempt which attempt this is, from 1; attempts before a crash may not be counted
 * @param unit the open unit of work: what is written through it commits with the cursor
 */
public record MessageContext(String publisher, Message message, int attempt, UnitOfWork unit) {}
