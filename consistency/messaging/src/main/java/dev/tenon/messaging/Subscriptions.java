package dev.tenon.messaging;

import dev.tenon.transaction.Transactions;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Who reads this service's log and how far, and what this service itself reads. Thread-safe. */
public interface Subscriptions {

  /**
   * The subscribers of this service's log, as they last reported.
   *
   * @return one entry per subscriber, subscription and slot, sorted by these; possibly empty
   */
  List<Subscriber> subscribers();

  /**
   * Forgets a subscriber that will not come back, so that the log need not be kept for it. If it
   * does come back, it reads on from its own cursor as far as the log is still there.
   *
   * @param subscriber the service
   * @param subscription the subscription's name at that service
   * @return how many slots were forgotten; zero if there was none
   */
  int forget(String subscriber, String subscription);

  /**
   * What this service reads.
   *
   * @return one entry per subscription and slot, sorted by these; possibly empty
   */
  List<Slot> slots();

  /**
   * Starts a subscription over from its beginning, fencing off whatever is in progress. Failed
   * messages of the subscription are dropped: they come again.
   *
   * @param subscriptionId publisher, slash, name
   * @param wipe runs in the same commit: empties what the subscription had filled
   * @throws MessagingException if there is no such subscription
   * @throws SQLException if {@code wipe} throws it; nothing is changed
   */
  void restart(String subscriptionId, Transactions.Action<SQLException> wipe) throws SQLException;

  /**
   * A slot of a subscriber, at the publisher.
   *
   * @param subscriber the service
   * @param subscription the subscription's name
   * @param slot the slot's index
   * @param window the window up to which it has read
   * @param lag how many messages the log holds after that, of all slots and topics
   * @param reportedAt when it last reported
   */
  record Subscriber(
      String subscriber,
      String subscription,
      int slot,
      long window,
      long lag,
      Instant reportedAt) {}

  /**
   * A slot of one of this service's own subscriptions.
   *
   * @param subscription publisher, slash, name
   * @param slot the slot's index
   * @param window the window up to which effects are committed; -1 before the first
   * @param owner the instance that works on it; empty if none does
   * @param leaseUntil when its lease ends, by the database's clock
   * @param held whether as many of its keys have failed as may ({@link
   *     MessagingConfig#failedKeysMax()}): then it reads nothing more until some are done with
   */
  record Slot(
      String subscription,
      int slot,
      long window,
      Optional<String> owner,
      Instant leaseUntil,
      boolean held) {}
}
