package dev.tenon.examples.quickstart.messages;

/**
 * Some pieces of a product.
 *
 * @param stockCode the product
 * @param quantity how many; positive
 */
public record Item(String stockCode, int quantity) {}
