package dev.tenon.transport;

import com.linecorp.armeria.common.HttpData;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Message;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.runtime.Json;
import java.io.ByteArrayOutputStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * Turns batches into frames and back: {@code int32 header length, JSON header, int32 blob length,
 * blob}, where the blob is the payloads, one after another, as they are. A frame whose two lengths
 * are zero is a heartbeat.
 */
final class FrameCodec {
  /** The most bytes of a frame's header. */
  static final int HEADER_BYTES_MAX = 16 << 20;

  private static final int HEADER_BYTES_GUESS = 320;

  private FrameCodec() {}

  /** The two parts of a received frame. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Frame(byte[] header, byte[] blob) {
    int bytes() {
      return header.length + blob.length;
    }
  }

  static HttpData heartbeat() {
    return HttpData.wrap(new byte[8]);
  }

  static HttpData encode(FeedBatch batch, int blobBytesMax) {
    List<FeedMessage> messages = batch.messages();
    long blobBytes = 0;
    for (FeedMessage message : messages) {
      blobBytes += message.message().payload().length;
    }
    if (blobBytes > blobBytesMax) {
      throw new FeedException(
          Reason.INVALID,
          ("Could not send a batch [messages=%d, bytes=%d]: a frame holds at most %d bytes."
                  + " Lower the limits of batches and messages, or raise the frame's.")
              .formatted(messages.size(), blobBytes, blobBytesMax));
    }
    Output output = new Output(HEADER_BYTES_GUESS * (messages.size() + 1) + (int) blobBytes);
    output.writeInt(0);
    try (JsonGenerator json = Json.mapper().createGenerator(output)) {
      writeHeader(json, batch);
    }
    output.setInt(0, output.size() - Integer.BYTES);
    output.writeInt((int) blobBytes);
    for (FeedMessage message : messages) {
      output.writeBytes(message.message().payload());
    }
    return output.data();
  }

  static HttpData encode(Problem problem) {
    byte[] header = Json.write(Map.of("problem", problem.document()));
    Output output = new Output(header.length + 2 * Integer.BYTES);
    output.writeInt(header.length);
    output.writeBytes(header);
    output.writeInt(0);
    return output.data();
  }

  private static void writeHeader(JsonGenerator json, FeedBatch batch) {
    json.writeStartObject();
    json.writeObjectPropertyStart("end");
    writeCursor(json, batch.end(), null);
    json.writeEndObject();
    json.writeNumberProperty("lag", batch.lag());
    json.writeArrayPropertyStart("messages");
    Cursor previous = batch.end();
    for (FeedMessage message : batch.messages()) {
      json.writeStartObject();
      writeCursor(json, message.cursor(), previous);
      writeMessage(json, message.message());
      json.writeEndObject();
      previous = message.cursor();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  /** A window that is the same as the cursor's before is left out. */
  private static void writeCursor(JsonGenerator json, Cursor cursor, @Nullable Cursor previous) {
    if (previous == null
        || previous.window() != cursor.window()
        || !previous.windowId().equals(cursor.windowId())) {
      json.writeNumberProperty("window", cursor.window());
      json.writeStringProperty("windowId", cursor.windowId().toString());
    }
    if (cursor.seq() != Cursor.WINDOW_END) {
      json.writeNumberProperty("seq", cursor.seq());
    }
    if (cursor.snapshot().isPresent()) {
      json.writeStringProperty("snapshot", cursor.snapshot().get());
    }
  }

  private static void writeMessage(JsonGenerator json, Message message) {
    json.writeStringProperty("id", message.id().toString());
    json.writeStringProperty("topic", message.topic());
    if (message.key().isPresent()) {
      json.writeStringProperty("key", message.key().get());
    }
    json.writeNumberProperty("version", message.version());
    if (!message.headers().isEmpty()) {
      json.writeObjectPropertyStart("headers");
      message.headers().forEach(json::writeStringProperty);
      json.writeEndObject();
    }
    Instant at = message.createdAt();
    json.writeNumberProperty("createdAtMicros", ChronoUnit.MICROS.between(Instant.EPOCH, at));
    json.writeNumberProperty("bytes", message.payload().length);
  }

  /**
   * Reads a frame.
   *
   * @throws FeedException if it carries a problem, or is not a frame
   */
  static FeedBatch decode(Frame frame) {
    try (JsonParser json = Json.mapper().createParser(frame.header())) {
      return new Reader(json, frame.blob()).read();
    } catch (JacksonException | IllegalArgumentException | ArithmeticException e) {
      throw new FeedException(
          Reason.UNREACHABLE, "Could not read a frame of the feed: it is malformed.", e);
    }
  }

  /** Reads one header, and cuts the blob as it goes. */
  private static final class Reader {
    private final JsonParser json;
    private final byte[] blob;
    private final List<FeedMessage> messages = new ArrayList<>();
    private int blobAt;
    private @Nullable Cursor end;
    private long lag;

    // The cursor being read; the window stays from one to the next.
    private long window;
    private @Nullable UUID windowId;
    private long seq;
    private Optional<String> snapshot = Optional.empty();

    Reader(JsonParser json, byte[] blob) {
      this.json = json;
      this.blob = blob;
    }

    FeedBatch read() {
      expect(JsonToken.START_OBJECT, json.nextToken());
      for (String name = json.nextName(); name != null; name = json.nextName()) {
        JsonToken value = json.nextToken();
        switch (name) {
          case "end" -> end = readCursor(value);
          case "lag" -> lag = json.getLongValue();
          case "messages" -> {
            expect(JsonToken.START_ARRAY, value);
            while (json.nextToken() == JsonToken.START_OBJECT) {
              messages.add(readMessage());
            }
          }
          case "problem" -> throw problem();
          default -> json.skipChildren();
        }
      }
      if (end == null || blobAt != blob.length) {
        throw new IllegalArgumentException(end == null ? "no end" : "payloads left over");
      }
      return new FeedBatch(messages, end, lag);
    }

    private FeedException problem() {
      String reason = "";
      String detail = "";
      int status = 503;
      for (String name = json.nextName(); name != null; name = json.nextName()) {
        json.nextToken();
        switch (name) {
          case "status" -> status = json.getIntValue();
          case "reason" -> reason = json.getString();
          case "detail" -> detail = json.getString();
          default -> json.skipChildren();
        }
      }
      return new FeedException(Problems.feedReason(Problem.of(status, reason, detail)), detail);
    }

    private Cursor readCursor(JsonToken value) {
      expect(JsonToken.START_OBJECT, value);
      beginCursor();
      for (String name = json.nextName(); name != null; name = json.nextName()) {
        json.nextToken();
        readCursorField(name);
      }
      return cursor();
    }

    private void beginCursor() {
      seq = Cursor.WINDOW_END;
      snapshot = Optional.empty();
    }

    private void readCursorField(String name) {
      switch (name) {
        case "window" -> window = json.getLongValue();
        case "windowId" -> windowId = UUID.fromString(json.getString());
        case "seq" -> seq = json.getLongValue();
        case "snapshot" -> snapshot = Optional.of(json.getString());
        default -> json.skipChildren();
      }
    }

    private Cursor cursor() {
      if (windowId == null) {
        throw new IllegalArgumentException("no windowId");
      }
      return new Cursor(window, windowId, seq, snapshot);
    }

    private FeedMessage readMessage() {
      beginCursor();
      @Nullable UUID id = null;
      @Nullable String topic = null;
      Optional<String> key = Optional.empty();
      int version = 0;
      Map<String, String> headers = Map.of();
      long createdAtMicros = 0;
      int bytes = -1;
      for (String name = json.nextName(); name != null; name = json.nextName()) {
        json.nextToken();
        switch (name) {
          case "id" -> id = UUID.fromString(json.getString());
          case "topic" -> topic = json.getString();
          case "key" -> key = Optional.of(json.getString());
          case "version" -> version = json.getIntValue();
          case "headers" -> headers = readHeaders();
          case "createdAtMicros" -> createdAtMicros = json.getLongValue();
          case "bytes" -> bytes = json.getIntValue();
          default -> readCursorField(name);
        }
      }
      if (id == null || topic == null || bytes < 0 || bytes > blob.length - blobAt) {
        throw new IllegalArgumentException("a message without id, topic or payload");
      }
      Instant createdAt = Instant.EPOCH.plus(createdAtMicros, ChronoUnit.MICROS);
      byte[] payload = Arrays.copyOfRange(blob, blobAt, blobAt + bytes);
      blobAt += bytes;
      return new FeedMessage(
          cursor(), new Message(id, topic, key, version, headers, createdAt, payload));
    }

    private Map<String, String> readHeaders() {
      Map<String, String> headers = new HashMap<>();
      for (String name = json.nextName(); name != null; name = json.nextName()) {
        json.nextToken();
        headers.put(name, json.getString());
      }
      return headers;
    }

    private static void expect(JsonToken expected, @Nullable JsonToken token) {
      if (token != expected) {
        throw new IllegalArgumentException(token + " (expected: " + expected + ")");
      }
    }
  }

  /** A growing array that is sent without being copied once more. */
  private static final class Output extends ByteArrayOutputStream {
    Output(int bytes) {
      super(bytes);
    }

    void writeInt(int value) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        write(value >>> shift);
      }
    }

    void setInt(int at, int value) {
      for (int i = 0; i < Integer.BYTES; i++) {
        buf[at + i] = (byte) (value >>> (24 - 8 * i));
      }
    }

    HttpData data() {
      return HttpData.wrap(buf, 0, count);
    }
  }
}
