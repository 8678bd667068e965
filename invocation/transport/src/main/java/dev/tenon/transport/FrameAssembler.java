package dev.tenon.transport;

import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.transport.FrameCodec.Frame;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Cuts the bytes of a response into frames. Heartbeats are dropped. Not thread-safe. */
final class FrameAssembler {
  private static final byte[] NOTHING = new byte[0];

  private final int blobBytesMax;
  private Part part = Part.HEADER_LENGTH;
  private byte[] target = new byte[Integer.BYTES];
  private byte[] header = NOTHING;
  private int filled;

  private enum Part {
    HEADER_LENGTH,
    HEADER,
    BLOB_LENGTH,
    BLOB
  }

  FrameAssembler(int blobBytesMax) {
    this.blobBytesMax = blobBytesMax;
  }

  /**
   * Takes bytes.
   *
   * @return the frames that they complete
   * @throws FeedException if a length is out of its limit
   */
  List<Frame> accept(ByteBuf bytes) {
    List<Frame> complete = new ArrayList<>(1);
    while (true) {
      int count = Math.min(bytes.readableBytes(), target.length - filled);
      bytes.readBytes(target, filled, count);
      filled += count;
      if (filled < target.length) {
        return complete;
      }
      advance(complete);
    }
  }

  /** Whether a frame was begun and is not complete. */
  boolean midway() {
    return part != Part.HEADER_LENGTH || filled > 0;
  }

  private void advance(List<Frame> complete) {
    filled = 0;
    switch (part) {
      case HEADER_LENGTH -> next(Part.HEADER, length("header", FrameCodec.HEADER_BYTES_MAX));
      case HEADER -> {
        header = target;
        next(Part.BLOB_LENGTH, Integer.BYTES);
      }
      case BLOB_LENGTH -> next(Part.BLOB, length("blob", blobBytesMax));
      case BLOB -> {
        if (header.length > 0) {
          complete.add(new Frame(header, target));
        }
        header = NOTHING;
        next(Part.HEADER_LENGTH, Integer.BYTES);
      }
    }
  }

  private void next(Part following, int bytes) {
    part = following;
    target = bytes == 0 ? NOTHING : new byte[bytes];
  }

  private int length(String name, int most) {
    int length = ByteBuffer.wrap(target).getInt();
    if (length < 0 || length > most) {
      throw new FeedException(
          Reason.UNREACHABLE,
          ("Could not read a frame of the feed [%s=%d bytes]: the limit is %d."
                  + " Raise the frame's limit, or lower the publisher's limit of batches.")
              .formatted(name, length, most));
    }
    return length;
  }
}
