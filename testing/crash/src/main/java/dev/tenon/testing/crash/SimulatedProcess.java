package dev.tenon.testing.crash;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** One life of a process: from when it was built to its death. */
final class SimulatedProcess {
  private final String name;
  private final Set<CountedConnection> connections = new LinkedHashSet<>();
  private String death = "";

  SimulatedProcess(String name) {
    this.name = name;
  }

  String name() {
    return name;
  }

  synchronized boolean alive() {
    return death.isEmpty();
  }

  synchronized void requireAlive() {
    if (!death.isEmpty()) {
      throw new SimulatedCrash(death);
    }
  }

  /** Takes a real connection into the process. */
  Connection opened(World world, Connection real, Consumer<Connection> release)
      throws SQLException {
    CountedConnection counted = new CountedConnection(world, this, real, release);
    synchronized (this) {
      connections.add(counted);
    }
    return counted.proxy();
  }

  synchronized void forget(CountedConnection connection) {
    connections.remove(connection);
  }

  /** Dies: what is not committed is rolled back. */
  void die(String why) {
    List<CountedConnection> open;
    synchronized (this) {
      if (!death.isEmpty()) {
        return;
      }
      death = why;
      open = List.copyOf(connections);
    }
    open.forEach(CountedConnection::destroy);
  }
}
