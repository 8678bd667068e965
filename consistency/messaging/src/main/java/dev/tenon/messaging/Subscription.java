package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What a service reads from one publisher: topics, and the consumer of each. Immutable.
 *
 * <p>The service's cursor belongs to publisher and name, so two subscriptions to one publisher need
 * two names. A topic added later starts where the cursor stands.
 *
 * @param publisher the service that publishes
 * @param name tells subscriptions to one publisher apart; {@code default} unless set
 * @param start where to begin when there is no cursor yet
 * @param consumers what handles each topic
 */
public record Subscription(
    String publisher, String name, Start start, Map<String, Registration<?>> consumers) {

  /** The name of a subscription that was given none. */
  public static final String DEFAULT_NAME = "default";

  /** Checks and copies. */
  public Subscription {
    requireNonNull(publisher, "publisher");
    requireNonNull(start, "start");
    consumers = Map.copyOf(consumers);
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
      throw new IllegalArgumentException(
          "name: " + name + " (expected: letters, digits, '.', '_', '-', at most 100)");
    }
    if (consumers.isEmpty()) {
      throw new IllegalArgumentException("consumers: none (expected: at least one topic)");
    }
  }

  /** Where a subscription without a cursor begins. */
  public enum Start {
    /** Snapshots of the topics that have them, else the log as far back as it is kept. */
    BEGINNING,
    /** After everything that is in the log now. */
    NOW
  }

  /**
   * What handles a topic.
   *
   * @param type what payloads are read as
   * @param versions the versions of the payload's shape that it understands
   * @param consumer handles the message
   * @param <T> the payload's type
   */
  public record Registration<T>(Class<T> type, Set<Integer> versions, MessageConsumer<T> consumer) {
    /** Checks and copies. */
    public Registration {
      requireNonNull(type, "type");
      requireNonNull(consumer, "consumer");
      versions = Set.copyOf(versions);
    }
  }

  /**
   * Begins a subscription.
   *
   * @param publisher the service that publishes
   * @return a builder
   */
  public static Builder to(String publisher) {
    return new Builder(publisher);
  }

  /**
   * The subscription's id within the subscribing service.
   *
   * @return publisher, slash, name
   */
  public String id() {
    return publisher + "/" + name;
  }

  /** Collects the parts of a subscription. Not thread-safe. */
  public static final class Builder {
    private final String publisher;
    private String name = DEFAULT_NAME;
    private Start start = Start.BEGINNING;
    private final Map<String, Registration<?>> consumers = new LinkedHashMap<>();

    private Builder(String publisher) {
      this.publisher = requireNonNull(publisher, "publisher");
    }

    /**
     * Names it.
     *
     * @param value the name
     * @return this
     */
    public Builder named(String value) {
      name = requireNonNull(value, "name");
      return this;
    }

    /**
     * Says where to begin; the beginning unless said.
     *
     * @param value where
     * @return this
     */
    public Builder startingFrom(Start value) {
      start = requireNonNull(value, "start");
      return this;
    }

    /**
     * Adds a consumer of version 1 of a topic's payload.
     *
     * @param topic the topic
     * @param type what payloads are read as
     * @param consumer handles them
     * @param <T> the payload's type
     * @return this
     */
    public <T> Builder on(String topic, Class<T> type, MessageConsumer<T> consumer) {
      return on(topic, new Registration<>(type, Set.of(1), consumer));
    }

    /**
     * Adds a consumer.
     *
     * @param topic the topic
     * @param registration type, versions and consumer
     * @return this
     * @throws IllegalArgumentException if the topic has a consumer already
     */
    public Builder on(String topic, Registration<?> registration) {
      if (consumers.putIfAbsent(topic, registration) != null) {
        throw new IllegalArgumentException(
            "topic: " + topic + " (expected: one consumer in subscription " + name + ")");
      }
      return this;
    }

    /**
     * Makes the subscription.
     *
     * @return it
     */
    public Subscription build() {
      return new Subscription(publisher, name, start, consumers);
    }
  }
}
