package dev.tenon.examples.quickstart.messages;

import java.util.UUID;

/**
 * What an order needs is put aside for it, until it is known whether the order happens.
 *
 * @param id one attempt to place the order: two attempts never meet, even of one order
 * @param order what is needed
 */
public record Hold(UUID id, OrderPlaced order) {}
