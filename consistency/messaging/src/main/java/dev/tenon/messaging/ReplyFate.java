package dev.tenon.messaging;

/**
 * What becomes of an answer to a call under an idempotency key, and of the handler's effects, by
 * the HTTP status that the answer amounts to. The same for all protocols.
 */
public enum ReplyFate {
  /** Below 400: stored by the commit of the effects. */
  STORED,
  /** 400 to 499: the effects are rolled back, and the refusal is stored. */
  REFUSED,
  /**
   * 500 and above, and 401, 408, 425, 429 and 499, which invite another try: the effects are rolled
   * back, and nothing is stored.
   */
  FORGOTTEN;

  private static final int CLIENT_ERROR = 400;
  private static final int SERVER_ERROR = 500;

  /**
   * The fate of an answer.
   *
   * @param status an HTTP status
   * @return what becomes of it
   */
  public static ReplyFate of(int status) {
    return switch (status) {
      case 401, 408, 425, 429, 499 -> FORGOTTEN;
      default -> {
        if (status < CLIENT_ERROR) {
          yield STORED;
        }
        yield status < SERVER_ERROR ? REFUSED : FORGOTTEN;
      }
    };
  }
}
