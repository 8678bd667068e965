package dev.tenon.rest;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Stands between callers and a service, and loses what the service answers. Thread-safe. */
final class LossyProxy implements AutoCloseable {
  private static final int BUFFER_BYTES = 8192;
  private static final int BACKLOG = 50;

  /** What becomes of connections. */
  enum Mode {
    PASS,
    LOSE_ANSWERS,
    REFUSE
  }

  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile Mode mode = Mode.PASS;

  LossyProxy(int target) throws IOException {
    this.target = target;
    listener = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  String address() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  void become(Mode value) {
    mode = value;
  }

  /** Ends all connections; later ones fare as they are told. */
  void cut(Mode then) throws IOException {
    mode = then;
    for (Socket each : open) {
      each.close();
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket caller = listener.accept();
        if (mode == Mode.REFUSE) {
          caller.close();
          continue;
        }
        Socket service = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(caller);
        open.add(service);
        Thread.ofVirtual().start(() -> carry(caller, service, false));
        Thread.ofVirtual().start(() -> carry(service, caller, true));
      }
    } catch (IOException e) {
      // The listener was closed.
    }
  }

  private void carry(Socket from, Socket to, boolean answers) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      int read = in.read(buffer);
      while (read >= 0) {
        if (!answers || mode != Mode.LOSE_ANSWERS) {
          out.write(buffer, 0, read);
        }
        read = in.read(buffer);
      }
    } catch (IOException e) {
      // One side has ended: so does the other.
    } finally {
      open.remove(from);
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    cut(Mode.REFUSE);
  }
}
