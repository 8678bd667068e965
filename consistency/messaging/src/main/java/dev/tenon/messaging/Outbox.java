package dev.tenon.messaging;

import java.util.UUID;

/**
 * Publishes messages with the commit of the open unit of work: they are sent if, and only if, it
 * commits. Messages of one key reach each subscriber in the order in which they were published, if
 * the publishing units hold a row lock of that key's entity (or any other lock that orders them).
 *
 * <p>Every method throws {@link MessagingException} if no unit of work is open on the service's own
 * database, if it is read-only, if the topic is not declared, or if the message is larger than
 * {@link MessagingConfig#messageBytesMax()}; nothing is recorded then. Thread-safe.
 */
public interface Outbox {

  /**
   * Publishes a message that no other message must keep order with.
   *
   * @param topic a declared topic of this service
   * @param payload a record, or anything {@link dev.tenon.runtime.Json} writes
   * @return the id of the message
   */
  default UUID publish(String topic, Object payload) {
    return publish(OutgoingMessage.of(topic, payload));
  }

  /**
   * Publishes a message that keeps its order among the messages of its key.
   *
   * @param topic a declared topic of this service
   * @param key what orders messages, such as the id of the entity
   * @param payload a record, or anything {@link dev.tenon.runtime.Json} writes
   * @return the id of the message
   */
  default UUID publish(String topic, String key, Object payload) {
    return publish(OutgoingMessage.of(topic, payload).key(key));
  }

  /**
   * Publishes a message with everything that can be said about it.
   *
   * @param message the message
   * @return its id
   */
  UUID publish(OutgoingMessage message);
}
