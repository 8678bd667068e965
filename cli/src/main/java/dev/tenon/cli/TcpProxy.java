package dev.tenon.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A network between a caller and a port on the loopback address, which can be disturbed and healed
 * while bytes flow. Thread-safe.
 */
final class TcpProxy implements AutoCloseable {
  private static final int BUFFER_BYTES = 16 << 10;
  private static final int CONNECT_MILLIS_MAX = 2_000;
  private static final int BACKLOG = 64;

  private final ServerSocket server;
  private final int target;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private volatile Way way = Way.WHOLE;
  private volatile boolean closed;

  private TcpProxy(ServerSocket server, int target) {
    this.server = server;
    this.target = target;
  }

  /** How a network can be. */
  enum Way {
    WHOLE("whole"),
    /** Connections are reset, new ones too. */
    CUT("connections are cut"),
    /** Bytes arrive when it is healed. */
    LATE("all bytes are late"),
    /** Bytes are lost, and with them their connections when it is healed. */
    LOST("all bytes are lost"),
    /** As {@link #LOST}, in the direction of the caller. */
    ANSWERS_LOST("answers are lost");

    private final String text;

    Way(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }

    static List<Way> disturbed() {
      return List.of(CUT, LATE, LOST, ANSWERS_LOST);
    }
  }

  /** A connection: two sockets, and whether bytes of it are gone. */
  private static final class Link {
    final Socket caller;
    final Socket callee;
    volatile boolean torn;

    Link(Socket caller, Socket callee) {
      this.caller = caller;
      this.callee = callee;
    }

    /** With a reset, not in order. */
    void cut() {
      reset(caller);
      reset(callee);
    }
  }

  /**
   * Opens one.
   *
   * @param port where callers connect
   * @param target where their connections lead; nobody need listen there yet
   */
  static TcpProxy open(int port, int target) {
    try {
      ServerSocket server = new ServerSocket();
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), BACKLOG);
      TcpProxy proxy = new TcpProxy(server, target);
      Thread.ofVirtual().name("proxy-", 0).start(proxy::accept);
      return proxy;
    } catch (IOException e) {
      throw new CliException(
          "Could not open a proxy [port=%d]: %s.".formatted(port, e.getMessage()), e);
    }
  }

  int port() {
    return server.getLocalPort();
  }

  /** Changes the network's way; what was torn before is cut now. */
  void become(Way next) {
    lock.lock();
    try {
      way = next;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    for (Link link : links) {
      if (next == Way.CUT || (link.torn && next != Way.LOST)) {
        link.cut();
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    become(Way.CUT);
    try {
      server.close();
    } catch (IOException e) {
      throw new CliException("Could not close a proxy: " + e.getMessage() + ".", e);
    }
    links.forEach(Link::cut);
  }

  private void accept() {
    while (!closed) {
      try {
        Socket caller = server.accept();
        Thread.ofVirtual().start(() -> join(caller));
      } catch (IOException e) {
        if (!closed) {
          throw new CliException("Could not accept a connection: " + e.getMessage() + ".", e);
        }
      }
    }
  }

  private void join(Socket caller) {
    if (way == Way.CUT) {
      reset(caller);
      return;
    }
    Socket callee = new Socket();
    try {
      callee.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), target), CONNECT_MILLIS_MAX);
      caller.setTcpNoDelay(true);
      callee.setTcpNoDelay(true);
    } catch (IOException e) {
      reset(caller);
      reset(callee);
      return;
    }
    Link link = new Link(caller, callee);
    links.add(link);
    Thread answers = Thread.ofVirtual().start(() -> pump(link, callee, caller, true));
    pump(link, caller, callee, false);
    try {
      answers.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      links.remove(link);
      link.cut();
    }
  }

  private void pump(Link link, Socket from, Socket to, boolean answers) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        if (passes(link, answers)) {
          out.write(buffer, 0, count);
        }
      }
      if (passes(link, answers)) {
        to.shutdownOutput();
      }
    } catch (IOException e) {
      link.cut(); // one side is gone: the other is told
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      link.cut();
    }
  }

  /** Whether bytes may go on; waits while they are to be late. */
  private boolean passes(Link link, boolean answer) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (way == Way.LATE) {
        changed.await();
      }
      if (way == Way.LOST || (way == Way.ANSWERS_LOST && answer)) {
        link.torn = true;
      }
      return !link.torn || (way == Way.ANSWERS_LOST && !answer);
    } finally {
      lock.unlock();
    }
  }

  private static void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      // It is closed already, or was never connected.
    }
    try {
      socket.close();
    } catch (IOException e) {
      throw new CliException("Could not close a connection: " + e.getMessage() + ".", e);
    }
  }
}
