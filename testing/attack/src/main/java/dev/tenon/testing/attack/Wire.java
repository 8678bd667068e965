package dev.tenon.testing.attack;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** One connection, and as much of HTTP/1.1 and HTTP/2 as an attack needs. Not thread-safe. */
final class Wire implements AutoCloseable {
  static final int HEADERS = 1;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int CONTINUATION = 9;
  static final int END_STREAM = 1;
  static final int END_HEADERS = 4;

  private static final int CONNECT_MILLIS = 10_000;
  private static final int STATUS_LINE_BYTES = 12; // HTTP/1.1 431
  private static final int INDEXED_POST = 0x83;
  private static final int INDEXED_HTTP = 0x86;
  private static final int LITERAL_PATH = 0x04;
  private static final int LITERAL_AUTHORITY = 0x01;

  private final Socket socket = new Socket();
  private final OutputStream out;
  private final InputStream in;

  Wire(InetSocketAddress target) throws IOException {
    socket.setTcpNoDelay(true);
    socket.connect(target, CONNECT_MILLIS);
    socket.setSoTimeout(CONNECT_MILLIS);
    out = socket.getOutputStream();
    in = socket.getInputStream();
  }

  void text(String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.US_ASCII));
    out.flush();
  }

  void preface() throws IOException {
    text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(SETTINGS, 0, 0, new byte[0]);
  }

  void frame(int type, int flags, int stream, byte[] payload) throws IOException {
    out.write(frameBytes(type, flags, stream, payload));
    out.flush();
  }

  void bytes(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  static byte[] frameBytes(int type, int flags, int stream, byte[] payload) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream data = new DataOutputStream(bytes);
    data.writeByte(payload.length >>> 16);
    data.writeShort(payload.length);
    data.writeByte(type);
    data.writeByte(flags);
    data.writeInt(stream);
    data.write(payload);
    return bytes.toByteArray();
  }

  /** The header block of a POST, without compression. */
  static byte[] post(String path) throws IOException {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    block.write(INDEXED_POST);
    block.write(INDEXED_HTTP);
    block.write(LITERAL_PATH);
    string(block, path);
    block.write(LITERAL_AUTHORITY);
    string(block, "x");
    return block.toByteArray();
  }

  static byte[] header(String name, String value) throws IOException {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    block.write(0);
    string(block, name);
    string(block, value);
    return block.toByteArray();
  }

  private static void string(ByteArrayOutputStream block, String text) throws IOException {
    if (text.length() >= 127) {
      throw new IllegalArgumentException("text: " + text.length() + " (expected: < 127)");
    }
    block.write(text.length());
    block.write(text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Whether something has come that nobody has read. */
  boolean heard() throws IOException {
    return in.available() > 0;
  }

  /** Throws away what has come. */
  void skipHeard() throws IOException {
    in.skipNBytes(in.available());
  }

  /** Waits for the other side to end the connection, reading what comes; false if it does not. */
  boolean awaitEnd() {
    try {
      while (in.read() >= 0) {
        in.skipNBytes(in.available());
      }
      return true;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true; // it was reset
    }
  }

  /** The status of an HTTP/1.1 answer that has come, or comes now. */
  Optional<Integer> status() {
    try {
      String line = new String(in.readNBytes(STATUS_LINE_BYTES), StandardCharsets.US_ASCII);
      return line.matches("HTTP/1\\.1 [0-9]{3}")
          ? Optional.of(Integer.parseInt(line.substring(STATUS_LINE_BYTES - 3)))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // reset before an answer
    }
  }

  /** Whether the other side has ended the connection; waits for a moment at most. */
  boolean isEnded() {
    try {
      socket.setSoTimeout(1);
      return in.read() < 0;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public void close() {
    try {
      socket.setSoLinger(true, 0);
      socket.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
