package dev.tenon.testing.database;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.random.RandomGenerator;

/**
 * Finds a port for a server that must know it beforehand; one that need not should listen on port 0
 * and ask. It lies below the ranges from which Linux and macOS take the ports of outgoing
 * connections: there, a client that retries while the server is down could take the server's own
 * port, and even connect to itself.
 */
public final class Ports {

  static final int MAX = 65_535;

  private static final int FIRST = 15_000;
  private static final int LAST = 31_999;
  private static final int TRIES_MAX = 1_000;

  private Ports() {}

  /**
   * A port that nobody listens on at this moment. It is not kept: a second call may find it too,
   * though that is unlikely.
   *
   * @param random chooses where to look
   * @return a port from 15,000 to 31,999
   * @throws IOException if none was found in 1,000 tries
   */
  public static int free(RandomGenerator random) throws IOException {
    for (int tries = 0; tries < TRIES_MAX; tries++) {
      int port = random.nextInt(FIRST, LAST + 1);
      if (isFree(port)) {
        return port;
      }
    }
    throw new IOException("no free port was found between " + FIRST + " and " + LAST);
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
