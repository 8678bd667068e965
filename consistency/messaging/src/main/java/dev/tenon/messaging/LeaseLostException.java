package dev.tenon.messaging;

/** Another instance has taken the slot over: what was about to be committed is rolled back. */
final class LeaseLostException extends MessagingException {
  private static final long serialVersionUID = 1L;

  LeaseLostException(String subscription, int slot) {
    super(
        "Could not commit a batch [subscription="
            + subscription
            + ", slot="
            + slot
            + "]: another instance has taken the slot over. Nothing to do: it goes on there.");
  }
}
