package dev.tenon.examples.quickstart.messages;

/**
 * A service's answer to {@link OrderPlaced}; the topic says whether it is yes or no.
 *
 * @param orderNo the order's number
 */
public record Answer(String orderNo) {}
