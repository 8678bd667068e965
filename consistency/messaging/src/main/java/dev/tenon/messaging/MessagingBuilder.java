package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Collects the parts of a messaging and checks that they fit together. */
final class MessagingBuilder implements Messaging.Builder {
  private final Transactions transactions;
  private final Map<String, Topic> topics = new LinkedHashMap<>();
  private final Map<String, Subscription> subscriptions = new LinkedHashMap<>();
  private @Nullable FeedTransport transport;
  private @Nullable String address;
  private MessagingConfig config = MessagingConfig.defaults();
  private TenonRuntime runtime = TenonRuntime.system();
  private MeterRegistry meters = new CompositeMeterRegistry();

  MessagingBuilder(Transactions transactions) {
    this.transactions = requireNonNull(transactions, "transactions");
  }

  @Override
  public Messaging.Builder topic(Topic topic) {
    if (topics.putIfAbsent(topic.name(), topic) != null) {
      throw new IllegalArgumentException(
          "topic: " + topic.name() + " (expected: declared only once)");
    }
    return this;
  }

  @Override
  public Messaging.Builder subscribe(Subscription subscription) {
    if (subscriptions.putIfAbsent(subscription.id(), subscription) != null) {
      throw new IllegalArgumentException(
          "subscription: " + subscription.id() + " (expected: a name of its own)");
    }
    return this;
  }

  @Override
  public Messaging.Builder transport(FeedTransport value) {
    transport = requireNonNull(value, "transport");
    return this;
  }

  @Override
  public Messaging.Builder address(String value) {
    address = requireNonNull(value, "address");
    return this;
  }

  @Override
  public Messaging.Builder config(MessagingConfig value) {
    config = requireNonNull(value, "config");
    return this;
  }

  @Override
  public Messaging.Builder runtime(TenonRuntime value) {
    runtime = requireNonNull(value, "runtime");
    return this;
  }

  @Override
  public Messaging.Builder meters(MeterRegistry value) {
    meters = requireNonNull(value, "meters");
    return this;
  }

  @Override
  public Messaging build() {
    if (!subscriptions.isEmpty() && transport == null) {
      throw new IllegalArgumentException("transport: none (expected: one, for the subscriptions)");
    }
    return new DefaultMessaging(
        new MessagingParts(
            runtime.ids().next(),
            transactions,
            new TenonTables(transactions.database().tenonSchema()),
            Map.copyOf(topics),
            new LinkedHashMap<>(subscriptions),
            Optional.ofNullable(transport),
            Optional.ofNullable(address),
            config,
            runtime,
            new MessagingMetrics(meters)));
  }
}
