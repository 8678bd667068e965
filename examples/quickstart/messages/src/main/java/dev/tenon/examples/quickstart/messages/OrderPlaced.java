package dev.tenon.examples.quickstart.messages;

import java.math.BigDecimal;
import java.util.List;

/**
 * An order wants stock reserved and money charged.
 *
 * @param orderNo the order's number
 * @param customerId who pays
 * @param amount how much; exact
 * @param items what is bought, each product once
 */
public record OrderPlaced(String orderNo, String customerId, BigDecimal amount, List<Item> items) {}
