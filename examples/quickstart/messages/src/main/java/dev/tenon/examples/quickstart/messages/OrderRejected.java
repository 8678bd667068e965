package dev.tenon.examples.quickstart.messages;

/**
 * An order will not happen: whoever did something for it undoes it.
 *
 * @param orderNo the order's number
 * @param reason why
 */
public record OrderRejected(String orderNo, String reason) {}
