package dev.tenon.messaging;

/**
 * Remembers what was received from outside Tenon (a webhook, a broker), where the same message may
 * come again, in the commit of its effects. Messages of a feed need no inbox: their cursor does it.
 * Thread-safe.
 */
public interface Inbox {

  /**
   * Says whether a message is new, and remembers it with the commit of the open unit of work. Two
   * units that receive the same message at once wait for one another: only one of them is told that
   * it is new, unless that one rolls back.
   *
   * @param source where the message came from; at most 200 characters
   * @param messageId its id there; at most 200 characters
   * @return {@code true} the first time, {@code false} if its effects are committed already
   * @throws MessagingException if no writing unit of work is open
   */
  boolean firstTime(String source, String messageId);
}
