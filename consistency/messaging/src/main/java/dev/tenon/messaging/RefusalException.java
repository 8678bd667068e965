package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

/**
 * A handler's answer that the call is refused, for good: its effects are rolled back, and the
 * refusal is kept as the reply. A failure that may pass is any other exception.
 */
public final class RefusalException extends MessagingException {
  private static final long serialVersionUID = 1L;

  private final transient StoredReply reply;

  /**
   * Creates it.
   *
   * @param message why, for logs
   * @param reply what to answer, now and whenever the call is repeated
   */
  public RefusalException(String message, StoredReply reply) {
    super(message);
    this.reply = requireNonNull(reply, "reply");
  }

  /**
   * What to answer.
   *
   * @return the refusal as a reply
   */
  public StoredReply reply() {
    return reply;
  }
}
