package dev.tenon.transport;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;

/**
 * As much of an HTTP/2 server as opens a feed: it answers 200 with a heartbeat of 50 ms, and then
 * never says anything again, while its connection stays.
 */
final class SilentPublisher {
  private static final int PREFACE_BYTES = 24;
  private static final int HEADERS = 1;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int ACK = 1;
  private static final int END_HEADERS = 4;

  private SilentPublisher() {}

  static void serve(ServerSocket listening) {
    try (Socket socket = listening.accept();
        DataInputStream in = new DataInputStream(socket.getInputStream());
        DataOutputStream out = new DataOutputStream(socket.getOutputStream())) {
      in.skipNBytes(PREFACE_BYTES);
      frame(out, SETTINGS, 0, 0, new byte[0]);
      while (true) {
        int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int stream = in.readInt();
        byte[] payload = in.readNBytes(length);
        if (type == SETTINGS && (flags & ACK) == 0) {
          frame(out, SETTINGS, ACK, 0, new byte[0]);
        } else if (type == PING && (flags & ACK) == 0) {
          frame(out, PING, ACK, 0, payload);
        } else if (type == HEADERS) {
          frame(out, HEADERS, END_HEADERS, stream, headers());
        }
      }
    } catch (EOFException | SocketException e) {
      return; // the reader has left
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@code :status 200} by its index, and a literal without indexing. */
  private static byte[] headers() throws IOException {
    var bytes = new java.io.ByteArrayOutputStream();
    bytes.write(0x88);
    bytes.write(0);
    for (String text : new String[] {FeedPump.HEARTBEAT_HEADER, "50"}) {
      bytes.write(text.length());
      bytes.write(text.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    }
    return bytes.toByteArray();
  }

  private static void frame(DataOutputStream out, int type, int flags, int stream, byte[] payload)
      throws IOException {
    out.writeByte(payload.length >>> 16);
    out.writeShort(payload.length);
    out.writeByte(type);
    out.writeByte(flags);
    out.writeInt(stream);
    out.write(payload);
    out.flush();
  }
}
