package dev.tenon.testing.attack;

import java.util.List;

/** Connections that are held open. Not thread-safe. */
public final class Connections implements AutoCloseable {
  private final List<Wire> wires;

  Connections(List<Wire> wires) {
    this.wires = List.copyOf(wires);
  }

  /**
   * How many the listener has not closed.
   *
   * @return the number
   */
  public long open() {
    return wires.stream().filter(wire -> !wire.isEnded()).count();
  }

  /** Closes them all. */
  @Override
  public void close() {
    wires.forEach(Wire::close);
  }
}
