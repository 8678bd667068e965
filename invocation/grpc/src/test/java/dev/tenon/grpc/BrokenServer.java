package dev.tenon.grpc;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.Socket;

/** Speaks just enough HTTP/2 to take a request, and hangs up then. */
final class BrokenServer {
  private static final int FRAME_HEAD = 9;
  private static final int DATA = 0;
  private static final int PREFACE_BYTES = 24;
  private static final byte[] SETTINGS = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  private static final byte[] SETTINGS_ACK = {0, 0, 0, 4, 1, 0, 0, 0, 0};

  private BrokenServer() {}

  static void breakOffAfterRequest(ServerSocket server) {
    while (!server.isClosed()) {
      try (Socket socket = server.accept()) {
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        in.readNBytes(PREFACE_BYTES);
        out.write(SETTINGS);
        out.write(SETTINGS_ACK);
        out.flush();
        while (readFrame(in) != DATA) {
          continue;
        }
      } catch (IOException e) {
        if (!server.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  /** Reads a frame; its type, and that of DATA at the end too. */
  private static int readFrame(InputStream in) throws IOException {
    byte[] head = in.readNBytes(FRAME_HEAD);
    if (head.length < FRAME_HEAD) {
      return DATA;
    }
    int length = (head[0] & 0xff) << 16 | (head[1] & 0xff) << 8 | (head[2] & 0xff);
    in.readNBytes(length);
    return head[3];
  }
}
