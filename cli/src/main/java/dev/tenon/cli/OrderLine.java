package dev.tenon.cli;

import java.math.BigDecimal;

/**
 * A line of an invoice, as it stands in the file.
 *
 * @param stockCode the product
 * @param quantity pieces; negative on cancellations
 * @param unitPrice price of a piece, with four decimals
 */
record OrderLine(String stockCode, int quantity, BigDecimal unitPrice) {}
