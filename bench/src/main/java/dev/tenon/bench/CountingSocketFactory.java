package dev.tenon.bench;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;
import javax.net.SocketFactory;

/**
 * Counts the round trips between a JDBC driver and its server, whatever the driver's caller does: a
 * read that follows a write is one. Counts commits too. Public only because the driver makes it by
 * name.
 */
public final class CountingSocketFactory extends SocketFactory {
  /* The driver hands nothing but a string over, so counters are found by name. */
  private static final ConcurrentMap<String, LongAdder> COUNTERS = new ConcurrentHashMap<>();
  private static final ConcurrentMap<String, LongAdder> COMMITS = new ConcurrentHashMap<>();

  private final LongAdder roundTrips;
  private final LongAdder commits;

  /**
   * Called by the driver.
   *
   * @param counter the counter's name
   */
  public CountingSocketFactory(String counter) {
    this.roundTrips = counter(counter);
    this.commits = commits(counter);
  }

  static LongAdder counter(String name) {
    return COUNTERS.computeIfAbsent(name, any -> new LongAdder());
  }

  /** The commits that the server has told of, and prepared transactions. */
  static LongAdder commits(String name) {
    return COMMITS.computeIfAbsent(name, any -> new LongAdder());
  }

  static void forget(String name) {
    COUNTERS.remove(name);
    COMMITS.remove(name);
  }

  @Override
  public Socket createSocket() {
    return new CountingSocket(roundTrips, commits);
  }

  @Override
  public Socket createSocket(String host, int port) {
    throw connected();
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress local, int localPort) {
    throw connected();
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    throw connected();
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
    throw connected();
  }

  private static UnsupportedOperationException connected() {
    return new UnsupportedOperationException("The driver connects its sockets itself.");
  }

  private static final class CountingSocket extends Socket {
    private final LongAdder roundTrips;
    private final CommitCounter commits;
    private volatile boolean written;

    CountingSocket(LongAdder roundTrips, LongAdder commits) {
      this.roundTrips = roundTrips;
      this.commits = new CommitCounter(commits);
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
      return new FilterOutputStream(super.getOutputStream()) {
        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
          written = true;
          out.write(bytes, offset, length);
        }
      };
    }

    @Override
    public InputStream getInputStream() throws IOException {
      return new FilterInputStream(super.getInputStream()) {
        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          if (written) {
            written = false;
            roundTrips.increment();
          }
          int read = in.read(bytes, offset, length);
          if (read > 0) {
            commits.hear(bytes, offset, read);
          }
          return read;
        }
      };
    }
  }
}
