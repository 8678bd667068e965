package dev.tenon.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/** Finds ports on the loopback address. */
final class Ports {
  /**
   * Below the range from which systems lend ports to outgoing connections: a service that is killed
   * must find its port free when it comes back.
   */
  private static final int LEAST = 20_000;

  private static final int MOST = 32_000;
  private static final int STEP = 10;

  private Ports() {}

  /**
   * Free ports; each process begins its search elsewhere, so that two demos rarely meet.
   *
   * @param count how many
   */
  static List<Integer> free(int count) {
    int slots = (MOST - LEAST) / STEP;
    int first = LEAST + (int) (ProcessHandle.current().pid() % slots) * STEP;
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < MOST - LEAST && found.size() < count; i++) {
      int port = LEAST + (first - LEAST + i) % (MOST - LEAST);
      if (isFree(port)) {
        found.add(port);
      }
    }
    if (found.size() < count) {
      throw new CliException(
          "Could not find free ports [from=%d, to=%d]: all are in use. Name one with --port."
              .formatted(LEAST, MOST));
    }
    return found;
  }

  /** Ports that follow one another, from a given one; refused if another process has one. */
  static List<Integer> from(int first, int count) {
    List<Integer> ports = new ArrayList<>();
    for (int port = first; port < first + count; port++) {
      if (!isFree(port)) {
        throw new CliException(
            "Could not take a port [port=%d]: another process uses it.".formatted(port)
                + " Stop that process, or name another with --port.");
      }
      ports.add(port);
    }
    return ports;
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    } catch (IOException e) {
      return false;
    }
    try (ServerSocket everywhere = new ServerSocket(port)) {
      return everywhere.isBound();
    } catch (IOException e) {
      return false;
    }
  }
}
