package dev.tenon.transport;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedRequest.Slot;
import dev.tenon.runtime.Json;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.StreamSupport;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Writes and reads the bodies of requests. What is wrong with one is told by field. */
final class Requests {
  /** The most cursors a request may name. */
  static final int CURSORS_MAX = 1000;

  private Requests() {}

  static byte[] write(FeedRequest request) {
    return Json.write(
        Map.of(
            "publisher", request.publisher(),
            "subscriber", request.subscriber(),
            "subscription", request.subscription(),
            "topics", request.topics(),
            "slot", request.slot(),
            "position", position(request.position())));
  }

  static byte[] write(FeedReport report) {
    return Json.write(
        Map.of(
            "publisher", report.publisher(),
            "subscriber", report.subscriber(),
            "subscription", report.subscription(),
            "slot", report.slot(),
            "cursor", cursor(report.cursor())));
  }

  static FeedRequest readFeedRequest(byte[] body) {
    JsonNode root = object(body);
    Set<String> topics = new HashSet<>();
    for (JsonNode topic : array(root, "topics")) {
      topics.add(string("topics", topic));
    }
    return checked(
        () ->
            new FeedRequest(
                text(root, "publisher"),
                text(root, "subscriber"),
                text(root, "subscription"),
                topics,
                slot(root),
                position(root.path("position"))));
  }

  static FeedReport readReport(byte[] body) {
    JsonNode root = object(body);
    return checked(
        () ->
            new FeedReport(
                text(root, "publisher"),
                text(root, "subscriber"),
                text(root, "subscription"),
                slot(root),
                cursor(root.path("cursor"))));
  }

  private static Map<String, Object> position(Position position) {
    return switch (position) {
      case Position.Beginning ignored -> Map.of("from", "beginning");
      case Position.Now ignored -> Map.of("from", "now");
      case Position.After after ->
          Map.of("from", "after", "cursors", List.of(cursor(after.cursor())));
      case Position.AfterNewestKnown known ->
          Map.of(
              "from",
              "after-newest-known",
              "cursors",
              known.cursors().stream().map(Requests::cursor).toList());
    };
  }

  private static Position position(JsonNode node) {
    List<Cursor> cursors =
        StreamSupport.stream(node.path("cursors").spliterator(), false)
            .limit(CURSORS_MAX + 1L)
            .map(Requests::cursor)
            .toList();
    if (cursors.size() > CURSORS_MAX) {
      throw wrong("position.cursors", "more than " + CURSORS_MAX, "at most " + CURSORS_MAX);
    }
    String from = node.path("from").asString("");
    return switch (from) {
      case "beginning" -> new Position.Beginning();
      case "now" -> new Position.Now();
      case "after" -> {
        if (cursors.size() != 1) {
          throw wrong("position.cursors", cursors.size() + " of them", "exactly one");
        }
        yield new Position.After(cursors.getFirst());
      }
      case "after-newest-known" -> new Position.AfterNewestKnown(cursors);
      default -> throw wrong("position.from", from, "beginning, now, after or after-newest-known");
    };
  }

  private static Map<String, Object> cursor(Cursor cursor) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("window", cursor.window());
    members.put("windowId", cursor.windowId());
    if (cursor.seq() != Cursor.WINDOW_END) {
      members.put("seq", cursor.seq());
    }
    cursor.snapshot().ifPresent(snapshot -> members.put("snapshot", snapshot));
    return members;
  }

  private static Cursor cursor(JsonNode node) {
    String windowId = text(node, "windowId");
    UUID id;
    try {
      id = UUID.fromString(windowId);
    } catch (IllegalArgumentException e) {
      throw wrong("windowId", windowId, "a UUID");
    }
    return new Cursor(
        number(node, "window"),
        id,
        node.has("seq") ? number(node, "seq") : Cursor.WINDOW_END,
        snapshot(node));
  }

  /** It is empty where a snapshot begins: a reader that got no page yet goes on from there. */
  private static Optional<String> snapshot(JsonNode node) {
    JsonNode value = node.path("snapshot");
    if (!value.isMissingNode() && !value.isString()) {
      throw wrong("snapshot", shown(value), "a string");
    }
    return value.stringValueOpt();
  }

  private static Slot slot(JsonNode root) {
    JsonNode slot = root.path("slot");
    return new Slot(
        (int) Math.min(number(slot, "index"), Integer.MAX_VALUE),
        (int) Math.min(number(slot, "count"), Integer.MAX_VALUE));
  }

  static JsonNode object(byte[] body) {
    JsonNode root;
    try {
      root = Json.mapper().readTree(body);
    } catch (JacksonException e) {
      throw new ProblemException(
          Problems.invalid("body: not JSON at " + place(e) + " (expected: a JSON object)"));
    }
    if (!root.isObject()) {
      throw wrong("body", root.getNodeType().name().toLowerCase(), "a JSON object");
    }
    return root;
  }

  private static String place(JacksonException e) {
    return e.getLocation() == null ? "its end" : "byte " + e.getLocation().getByteOffset();
  }

  static JsonNode array(JsonNode node, String name) {
    JsonNode array = node.path(name);
    if (!array.isArray()) {
      throw wrong(name, shown(array), "an array");
    }
    return array;
  }

  static String text(JsonNode node, String name) {
    return string(name, node.path(name));
  }

  private static String string(String name, JsonNode value) {
    if (!value.isString() || value.stringValue().isEmpty()) {
      throw wrong(name, shown(value), "a string that is not empty");
    }
    return value.stringValue();
  }

  private static long number(JsonNode node, String name) {
    JsonNode value = node.path(name);
    if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
      throw wrong(name, shown(value), "a whole number from 0");
    }
    return value.longValue();
  }

  private static String shown(JsonNode value) {
    return value.isMissingNode() ? "missing" : value.getNodeType().name().toLowerCase();
  }

  static ProblemException wrong(String name, String value, String rule) {
    return new ProblemException(
        Problems.invalid(name + ": " + value + " (expected: " + rule + ")"));
  }

  private static <T> T checked(java.util.function.Supplier<T> reading) {
    try {
      return reading.get();
    } catch (IllegalArgumentException e) {
      throw new ProblemException(Problems.invalid(String.valueOf(e.getMessage())));
    }
  }
}
