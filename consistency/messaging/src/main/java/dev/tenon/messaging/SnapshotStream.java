package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.runtime.Json;
import dev.tenon.runtime.TenonRuntime;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Reads the snapshots of topics page by page, and then the log from the place that was noted before
 * the first page. Whatever changed meanwhile is in the log after that place, so the reader ends up
 * with the present state, whenever each page was read.
 */
final class SnapshotStream implements FeedStream {
  static final int PAGE_ITEMS_MAX = 500;
  static final String HEADER = "tenon-snapshot";
  private static final char SEPARATOR = '\n';

  private final List<Topic> topics;
  private final FeedRequest request;
  private final DataSource dataSource;
  private final TenonRuntime runtime;
  private final Function<Cursor, FeedStream> log;
  private Cursor position;
  private @Nullable FeedStream logStream;
  private boolean told;
  private volatile boolean closed;

  SnapshotStream(
      List<Topic> topics,
      FeedRequest request,
      DataSource dataSource,
      TenonRuntime runtime,
      Cursor position,
      Function<Cursor, FeedStream> log) {
    this.topics = topics;
    this.request = request;
    this.dataSource = dataSource;
    this.runtime = runtime;
    this.position = position;
    this.log = log;
  }

  /** Where the snapshot begins, with the place in the log that follows it. */
  static Cursor start(Cursor log) {
    return new Cursor(log.window(), log.windowId(), log.seq(), Optional.of(""));
  }

  @Override
  public Optional<FeedBatch> next(Duration timeout) throws InterruptedException {
    if (closed) {
      throw new FeedException(FeedException.Reason.CLOSED, "The stream is closed.");
    }
    FeedStream following = logStream;
    if (following != null) {
      return following.next(timeout);
    }
    if (!told) {
      // The reader holds on to the place in the log before it sees the first page.
      told = true;
      return Optional.of(new FeedBatch(List.of(), position, 0));
    }
    try {
      return Optional.of(page());
    } catch (SQLException e) {
      throw new FeedException(
          FeedException.Reason.UNREACHABLE,
          "Could not read a snapshot [service="
              + request.publisher()
              + "]: "
              + e.getMessage()
              + ". Open the stream again.",
          e);
    }
  }

  private FeedBatch page() throws SQLException {
    String progress = position.snapshot().orElse("");
    int cut = progress.indexOf(SEPARATOR);
    String topicName = cut < 0 ? "" : progress.substring(0, cut);
    Optional<Topic> found =
        topics.stream().filter(one -> one.name().compareTo(topicName) >= 0).findFirst();
    if (found.isEmpty()) {
      follow();
      return new FeedBatch(List.of(), position, 0);
    }
    Topic topic = found.get();
    // The topic that was being read may be read no longer: the next one is read from its start.
    String after = topic.name().equals(topicName) ? progress.substring(cut + 1) : "";
    List<SnapshotSource.Item> items = read(topic, after);
    List<FeedMessage> messages = new ArrayList<>();
    String last = after;
    for (SnapshotSource.Item item : items) {
      if (item.key().compareTo(last) <= 0) {
        throw new FeedException(
            FeedException.Reason.UNREACHABLE,
            "Could not read a snapshot [service="
                + request.publisher()
                + ", topic="
                + topic.name()
                + "]: its pages are not in ascending order of the keys. Mend its SnapshotSource.");
      }
      last = item.key();
      position = at(topic.name() + SEPARATOR + item.key());
      if (HashSlots.contains(request.slot(), item.key())) {
        messages.add(new FeedMessage(position, message(topic, item)));
      }
    }
    if (items.isEmpty()) {
      finish(topic);
    }
    return new FeedBatch(messages, position, 0);
  }

  private void finish(Topic topic) {
    int following = topics.indexOf(topic) + 1;
    if (following < topics.size()) {
      position = at(topics.get(following).name() + SEPARATOR);
      return;
    }
    follow();
  }

  private void follow() {
    position = new Cursor(position.window(), position.windowId(), position.seq(), Optional.empty());
    logStream = log.apply(position);
  }

  private Cursor at(String progress) {
    return new Cursor(
        position.window(), position.windowId(), position.seq(), Optional.of(progress));
  }

  private List<SnapshotSource.Item> read(Topic topic, String after) throws SQLException {
    Optional<SnapshotSource> source = topic.snapshot();
    if (source.isEmpty()) {
      return List.of();
    }
    try (Connection connection = dataSource.getConnection()) {
      connection.setAutoCommit(false);
      connection.setReadOnly(true);
      try {
        Optional<String> from = after.isEmpty() ? Optional.empty() : Optional.of(after);
        return source.get().page(connection, from, PAGE_ITEMS_MAX);
      } finally {
        connection.rollback();
        connection.setReadOnly(false);
        connection.setAutoCommit(true);
      }
    }
  }

  private Message message(Topic topic, SnapshotSource.Item item) {
    return new Message(
        runtime.ids().next(),
        topic.name(),
        Optional.of(item.key()),
        item.version(),
        Map.of(HEADER, "true"),
        runtime.clock().instant(),
        Json.write(item.payload()));
  }

  @Override
  public void close() {
    closed = true;
    FeedStream following = logStream;
    if (following != null) {
      following.close();
    }
  }
}
