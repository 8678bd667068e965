package dev.tenon.cli;

import java.nio.file.Path;

/**
 * Where orders come from.
 *
 * @param file the path of a file; empty for generated orders
 */
record OrderSource(String file) {
  static final OrderSource GENERATED = new OrderSource("");

  static OrderSource of(Path file) {
    return new OrderSource(file.toAbsolutePath().normalize().toString());
  }

  OrderBook read() {
    return file.isEmpty() ? GeneratedOrders.make() : OrderFile.read(Path.of(file));
  }
}
