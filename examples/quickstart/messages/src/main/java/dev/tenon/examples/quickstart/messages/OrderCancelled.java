package dev.tenon.examples.quickstart.messages;

import java.math.BigDecimal;
import java.util.List;

/**
 * Goods come back: stock goes up again, and money is refunded.
 *
 * @param cancellationNo the cancellation's number
 * @param customerId who gets the money
 * @param amount how much; exact
 * @param items what comes back, each product once
 */
public record OrderCancelled(
    String cancellationNo, String customerId, BigDecimal amount, List<Item> items) {}
