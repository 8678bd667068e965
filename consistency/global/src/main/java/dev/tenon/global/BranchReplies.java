package dev.tenon.global;

import dev.tenon.global.BranchRefusedException.Reason;
import dev.tenon.messaging.StoredReply;
import java.util.HashMap;
import java.util.Map;

/** What a participant answers. */
final class BranchReplies {
  private BranchReplies() {}

  /** A reply with a listing. */
  static StoredReply named(StoredReply reply, Listing listing) {
    Map<String, String> headers = new HashMap<>(reply.headers());
    int length = headers.entrySet().stream().mapToInt(BranchReplies::length).sum();
    String text = listing.text();
    boolean fits =
        length + Listing.HEADER.length() + text.length() <= StoredReply.HEADERS_LENGTH_MAX;
    headers.put(Listing.HEADER, fits ? text : Listing.INCOMPLETE.text());
    return new StoredReply(reply.status(), headers, reply.body());
  }

  private static int length(Map.Entry<String, String> header) {
    return header.getKey().length() + header.getValue().length();
  }

  /** A refusal that does nothing. */
  static BranchRefusedException refused(BranchRow.Key key, Reason reason) {
    String why =
        switch (reason) {
          case NOT_GENUINE -> "its xid is not signed by its starter";
          case OVER -> "the transaction, or this step of it, is over. Do not repeat it";
          case TOO_LATE -> "the transaction's deadline has passed. Start another one";
          case STILL_RUNNING -> "a try under the same step has not ended. Repeat it later";
          case NO_TRANSACTION -> "it comes under none. Call it under one";
        };
    return new BranchRefusedException(
        reason, "Could not run the call " + key.step() + " of " + key.xid() + ": " + why + ".");
  }

  /** The refusal of a call whose xid its starter has not signed. */
  static BranchRefusedException notGenuine(BranchCall call, IllegalArgumentException reason) {
    BranchRefusedException refused =
        new BranchRefusedException(
            Reason.NOT_GENUINE,
            "Could not run the call "
                + call.step()
                + " of service "
                + call.caller()
                + ": "
                + reason.getMessage()
                + ". Check the services' keys.");
    refused.initCause(reason);
    return refused;
  }

  /** Whether a failure, or what caused it, is of a type. */
  static boolean causedBy(Throwable failure, Class<? extends Throwable> type) {
    for (Throwable e = failure; e != null; e = e.getCause()) {
      if (type.isInstance(e)) {
        return true;
      }
    }
    return false;
  }
}
