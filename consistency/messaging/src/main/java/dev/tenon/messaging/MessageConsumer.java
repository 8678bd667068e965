package dev.tenon.messaging;

/**
 * Handles a message inside an open unit of work. Effects in the service's database happen exactly
 * once; effects elsewhere may happen again.
 *
 * @param <T> what the payload is read as
 */
@FunctionalInterface
public interface MessageConsumer<T> {

  /**
   * Handles one message.
   *
   * @param payload the payload
   * @param context the message and the unit of work
   * @throws Exception to roll back and retry; past the limit the message is parked
   */
  void accept(T payload, MessageContext context) throws Exception;
}
