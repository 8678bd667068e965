package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;

/**
 * A service's messaging: its outbox, the feed of its log, and its subscriptions to other services.
 *
 * <p>Built once per process over the service's own database. Publishing works from the moment it is
 * built; {@link #start()} begins delivery, {@link #close()} drains it. Thread-safe.
 */
public interface Messaging extends AutoCloseable {

  /**
   * Begins a messaging over a service's own database.
   *
   * @param transactions the service's units of work
   * @return a builder
   */
  static Builder builder(Transactions transactions) {
    return new MessagingBuilder(transactions);
  }

  /**
   * Where messages are published.
   *
   * @return the outbox
   */
  Outbox outbox();

  /**
   * The publisher's end of the feed, for a transport's server.
   *
   * @return the source
   */
  FeedSource feedSource();

  /**
   * Messages that failed: inspect, replay, drop.
   *
   * @return the operations
   */
  FailedMessages failedMessages();

  /**
   * Who reads this service's log and how far, and what this service reads.
   *
   * @return the operations
   */
  Subscriptions subscriptions();

  /**
   * Messages from outside Tenon that may come twice.
   *
   * @return the inbox
   */
  Inbox inbox();

  /**
   * Calls from outside that may come twice, and must be answered alike.
   *
   * @return the receiver
   */
  IdempotentReceiver receiver();

  /**
   * Messages that wait until a branch of a distributed transaction is confirmed.
   *
   * @return the operations
   */
  HeldMessages heldMessages();

  /**
   * Starts delivery in the background: closing windows, reading feeds, retrying, cleaning up.
   *
   * @throws IllegalStateException if it was started or closed before
   */
  void start();

  /**
   * Does, on the calling thread, one round of everything that is due: for tests that drive
   * messaging by hand. Must not be mixed with {@link #start()}.
   *
   * @return whether anything was done; {@code false} means that nothing is due now
   */
  boolean runPending();

  /** Stops taking messages, lets those in progress commit, releases the leases. Safe to repeat. */
  @Override
  void close();

  /** Collects what messaging needs. Not thread-safe. */
  interface Builder {
    /**
     * Declares a topic of this service.
     *
     * @param topic the topic
     * @return this
     */
    Builder topic(Topic topic);

    /**
     * Adds a subscription to another service.
     *
     * @param subscription the subscription
     * @return this
     */
    Builder subscribe(Subscription subscription);

    /**
     * Adds subscriptions to other services.
     *
     * @param subscriptions the subscriptions
     * @return this
     */
    default Builder subscribe(List<Subscription> subscriptions) {
      subscriptions.forEach(this::subscribe);
      return this;
    }

    /**
     * How to reach other services; needed if there is a subscription.
     *
     * @param transport the transport
     * @return this
     */
    Builder transport(FeedTransport transport);

    /**
     * The address at which other instances of this service reach this one, to be woken.
     *
     * @param address what {@link FeedTransport#wake} understands
     * @return this
     */
    Builder address(String address);

    /**
     * Limits; the defaults unless set.
     *
     * @param config the limits
     * @return this
     */
    Builder config(MessagingConfig config);

    /**
     * Time, ids, randomness, threads; the system's unless set.
     *
     * @param runtime the runtime
     * @return this
     */
    Builder runtime(TenonRuntime runtime);

    /**
     * Where metrics go; nowhere unless set.
     *
     * @param registry the registry
     * @return this
     */
    Builder meters(MeterRegistry registry);

    /**
     * Makes it. Nothing runs yet.
     *
     * @return the messaging
     * @throws IllegalArgumentException if two subscriptions or topics have one name, or a transport
     *     is missing
     */
    Messaging build();
  }
}
