package dev.tenon.messaging;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Messages that this service received and could not handle yet. A message that fails moves here
 * with the later messages of its key; past the limit of attempts it is parked and holds up its own
 * key only. Every operation is one local commit; replay takes effect at the owner of the slot,
 * within the poll interval. Thread-safe.
 */
public interface FailedMessages {

  /**
   * Lists them by subscription, in the order of the log.
   *
   * @param filter which
   * @param limit the most to return, from 1 to 10,000
   * @return possibly empty
   */
  List<FailedMessage> list(Filter filter, int limit);

  /**
   * Looks one up.
   *
   * @param messageId the message's id
   * @return one entry for each subscription that has it; empty if none has
   */
  List<FailedMessage> find(UUID messageId);

  /**
   * Lets parked or waiting messages be tried again now, with their attempts counted from the start.
   *
   * @param messageIds which
   * @return how many were found
   */
  int replay(List<UUID> messageIds);

  /**
   * Drops messages for good: their effects will never happen here. Later messages of the key go on.
   *
   * @param messageIds which
   * @return how many were found
   */
  int drop(List<UUID> messageIds);

  /** Which failed messages to list. */
  enum Filter {
    /** Parked ones only: they wait for a person. */
    PARKED,
    /** Everything: parked, to be retried, and waiting behind one of those. */
    ALL
  }

  /** What a failed message waits for. */
  enum State {
    /** Its next attempt. */
    RETRY,
    /** An earlier message of its key. */
    BEHIND,
    /** A person. */
    PARKED
  }

  /**
   * A failed message.
   *
   * @param subscription publisher, slash, name
   * @param message the message
   * @param state what it waits for
   * @param attempts how many attempts failed
   * @param nextAttempt when it is tried again; empty unless it is to be retried
   * @param error the reason of the last failure; empty if it was never tried
   */
  record FailedMessage(
      String subscription,
      Message message,
      State state,
      int attempts,
      Optional<Instant> nextAttempt,
      Optional<String> error) {}
}
