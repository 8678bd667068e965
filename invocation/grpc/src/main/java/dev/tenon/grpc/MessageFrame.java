package dev.tenon.grpc;

import com.linecorp.armeria.common.HttpData;
import io.grpc.KnownLength;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A message as it stands in a body: a byte that says it is not compressed, its length, itself. */
final class MessageFrame {
  private static final int HEAD = 5;
  private static final byte PLAIN = 0;

  private MessageFrame() {}

  /**
   * Writes a message.
   *
   * @throws io.grpc.StatusRuntimeException if it is too large
   */
  static HttpData write(InputStream message, int bytesMax) {
    try (message) {
      byte[] frame;
      if (message instanceof KnownLength) {
        int length = checked("request", message.available(), bytesMax);
        frame = new byte[HEAD + length];
        message.readNBytes(frame, HEAD, length);
      } else {
        byte[] bytes = message.readNBytes(bytesMax == Integer.MAX_VALUE ? bytesMax : bytesMax + 1);
        frame = new byte[HEAD + checked("request", bytes.length, bytesMax)];
        System.arraycopy(bytes, 0, frame, HEAD, bytes.length);
      }
      ByteBuffer.wrap(frame).put(PLAIN).putInt(frame.length - HEAD);
      return HttpData.wrap(frame);
    } catch (IOException e) {
      throw Status.INTERNAL
          .withDescription("Could not write the message.")
          .withCause(e)
          .asRuntimeException();
    }
  }

  /**
   * Reads a body that is one message.
   *
   * @throws io.grpc.StatusRuntimeException if it is too large, or something else
   */
  static InputStream read(HttpData body, int bytesMax) {
    byte[] frame = body.array();
    if (frame.length < HEAD) {
      throw unreadable(frame.length + " bytes (expected: one message)");
    }
    ByteBuffer head = ByteBuffer.wrap(frame);
    if (head.get() != PLAIN) {
      throw unreadable("compressed (expected: not, as it was not asked for)");
    }
    int length = head.getInt();
    if (length != frame.length - HEAD) {
      throw unreadable(
          "%d bytes after a length of %d (expected: one message)"
              .formatted(frame.length - HEAD, length));
    }
    return new Bytes(frame, checked("reply", length, bytesMax));
  }

  private static int checked(String what, int length, int bytesMax) {
    if (length > bytesMax) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              "%s: message of %d bytes (expected: at most %d)".formatted(what, length, bytesMax))
          .asRuntimeException();
    }
    return length;
  }

  private static RuntimeException unreadable(String why) {
    return Status.INTERNAL.withDescription("reply: " + why).asRuntimeException();
  }

  /** Knows its length, which spares the parser a copy. */
  private static final class Bytes extends ByteArrayInputStream implements KnownLength {
    Bytes(byte[] frame, int length) {
      super(frame, HEAD, length);
    }
  }
}
