package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import java.sql.SQLException;
import java.util.Comparator;
import java.util.List;

/** Opens streams over this service's log, after asking whether the subscriber may read it. */
final class LogFeedSource implements FeedSource {
  private static final int CURSORS_MAX = 1_000;

  private final MessagingParts parts;
  private final OutboxLog log;
  private final ChunkCache cache;
  private final LogTail tail;
  private final SubscriberStore subscribers;
  private final Runnable woken;

  LogFeedSource(
      MessagingParts parts,
      OutboxLog log,
      ChunkCache cache,
      LogTail tail,
      SubscriberStore subscribers,
      Runnable woken) {
    this.parts = parts;
    this.log = log;
    this.cache = cache;
    this.tail = tail;
    this.subscribers = subscribers;
    this.woken = woken;
  }

  @Override
  public String service() {
    return parts.service();
  }

  @Override
  public FeedStream open(FeedRequest request) {
    for (String topic : request.topics()) {
      check(request.subscriber(), topic);
    }
    try {
      Cursor position = resolve(request);
      // From now on the log is kept for this subscriber, also if it never gets to report.
      store(
          new FeedReport(
              service(), request.subscriber(), request.subscription(), request.slot(), position));
      return stream(request, position);
    } catch (SQLException e) {
      throw new FeedException(
          Reason.UNREACHABLE,
          "Could not open the feed [service="
              + service()
              + "]: its database does not answer ("
              + e.getMessage()
              + "). Try again.",
          e);
    }
  }

  private FeedStream stream(FeedRequest request, Cursor position) {
    if (position.snapshot().isPresent()) {
      return new SnapshotStream(
          withSnapshot(request),
          request,
          parts.dataSource(),
          parts.runtime(),
          position,
          after -> LogStream.from(cache, tail, request, after, parts.config()));
    }
    return request.position() instanceof Position.After
        ? LogStream.from(cache, tail, request, position, parts.config())
        : new LogStream(cache, tail, request, position, parts.config());
  }

  private void check(String subscriber, String name) {
    Topic topic = parts.topics().get(name);
    if (topic == null) {
      throw new FeedException(
          Reason.UNKNOWN_TOPIC,
          "Could not open the feed [service="
              + service()
              + ", topic="
              + name
              + "]: no such topic. Declared are "
              + parts.topics().keySet()
              + ".");
    }
    if (!topic.permits(subscriber)) {
      throw new FeedException(
          Reason.FORBIDDEN,
          "Could not open the feed [service="
              + service()
              + ", topic="
              + name
              + ", subscriber="
              + subscriber
              + "]: the topic does not list the subscriber. Add it to the topic's subscribers.");
    }
  }

  private List<Topic> withSnapshot(FeedRequest request) {
    return request.topics().stream()
        .map(parts.topics()::get)
        .filter(topic -> topic != null && topic.snapshot().isPresent())
        .sorted(Comparator.comparing(Topic::name))
        .toList();
  }

  private Cursor resolve(FeedRequest request) throws SQLException {
    return switch (request.position()) {
      case Position.Beginning() -> beginning(request);
      case Position.Now() -> log.end();
      case Position.After(Cursor cursor) -> known(cursor);
      case Position.AfterNewestKnown(List<Cursor> cursors) -> newestKnown(request, cursors);
    };
  }

  private Cursor beginning(FeedRequest request) throws SQLException {
    int snapshots = withSnapshot(request).size();
    Cursor place = snapshots == request.topics().size() ? log.end() : log.beginning();
    return snapshots == 0 ? place : SnapshotStream.start(place);
  }

  private Cursor known(Cursor cursor) throws SQLException {
    if (!log.knows(cursor)) {
      throw new FeedException(
          Reason.UNKNOWN_POSITION,
          "Could not open the feed [service="
              + service()
              + ", window="
              + cursor.window()
              + "]: the log does not know this position (it lost its tail, was restored, or dropped"
              + " it). Ask with older positions.");
    }
    return cursor;
  }

  private Cursor newestKnown(FeedRequest request, List<Cursor> cursors) throws SQLException {
    for (Cursor cursor : cursors.subList(0, Math.min(cursors.size(), CURSORS_MAX))) {
      if (log.knows(cursor)) {
        return cursor;
      }
    }
    return beginning(request);
  }

  @Override
  public void report(FeedReport report) {
    if (parts.topics().values().stream().noneMatch(topic -> topic.permits(report.subscriber()))) {
      throw new FeedException(
          Reason.FORBIDDEN,
          "Could not take a report [service="
              + service()
              + ", subscriber="
              + report.subscriber()
              + "]: no topic lists the subscriber. Add it to a topic's subscribers.");
    }
    try {
      store(report);
    } catch (SQLException e) {
      throw new FeedException(
          Reason.UNREACHABLE,
          "Could not store a report [service="
              + service()
              + "]: "
              + e.getMessage()
              + ". Repeat it.",
          e);
    }
  }

  private void store(FeedReport report) throws SQLException {
    if (!subscribers.report(report)) {
      throw new FeedException(
          Reason.INVALID,
          "Could not take a subscription [service="
              + service()
              + ", subscriber="
              + report.subscriber()
              + ", subscription="
              + report.subscription()
              + "]: the subscriber has "
              + parts.config().subscriptionsPerSubscriberMax()
              + " already, which is the limit (subscriptionsPerSubscriberMax). Forget those that"
              + " are no longer read, or raise it.");
    }
  }

  @Override
  public void wake() {
    woken.run();
  }
}
