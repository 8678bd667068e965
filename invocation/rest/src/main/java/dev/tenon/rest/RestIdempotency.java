package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.transport.IncomingCall;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.function.Supplier;

/**
 * Runs a method once for a key, and stores its answer in the commit of its effects.
 *
 * @param receiver where answers are stored
 * @param operation the method's name, beside which keys are unique
 * @param required whether a key must be given
 */
record RestIdempotency(IdempotentReceiver receiver, String operation, boolean required) {

  /** Rolls back what must not be stored, and carries its answer. */
  private static final class Unstored extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient RestReply reply;

    Unstored(RestReply reply) {
      super("not stored: " + reply.status());
      this.reply = reply;
    }
  }

  RestReply answer(IncomingCall call, AggregatedHttpRequest request, Supplier<RestReply> handler) {
    String field = request.headers().get(CallHeaders.IDEMPOTENCY_KEY);
    if (field == null) {
      return required
          ? problem(400, "key-missing", "This operation needs the header Idempotency-Key.")
          : handler.get();
    }
    IdempotencyKey key;
    try {
      key = IdempotencyKey.of(call.caller(), operation, IdempotencyKey.inField(field));
      String time = request.headers().get(CallHeaders.KEY_TIME);
      key = time == null ? key : key.createdAt(Instant.parse(time));
    } catch (IllegalArgumentException | DateTimeException e) {
      return problem(400, "key-malformed", String.valueOf(e.getMessage()));
    }
    Fingerprint fingerprint =
        Fingerprint.ofJson(request.method() + " " + request.path(), request.content().array());
    try {
      return answer(
          receiver.<RuntimeException>handle(
              key,
              fingerprint,
              unit -> {
                RestReply reply = handler.get();
                return switch (kind(reply.status())) {
                  case DONE -> reply.toStore();
                  case REFUSED ->
                      throw new RefusalException("refused: " + reply.status(), reply.toStore());
                  case NOT_NOW -> throw new Unstored(reply);
                };
              }));
    } catch (Unstored e) {
      return e.reply;
    }
  }

  private enum Kind {
    DONE,
    REFUSED,
    NOT_NOW
  }

  private static Kind kind(int status) {
    if (status < 400) {
      return Kind.DONE;
    }
    boolean another =
        status >= 500 || status == 401 || status == 408 || status == 425 || status == 429;
    return another ? Kind.NOT_NOW : Kind.REFUSED;
  }

  private static RestReply answer(Receipt receipt) {
    return switch (receipt) {
      case Receipt.Executed executed -> RestReply.of(executed.reply(), false);
      case Receipt.Replayed replayed -> RestReply.of(replayed.reply(), true);
      case Receipt.Rejected rejected ->
          switch (rejected.reason()) {
            case STILL_RUNNING ->
                RestReply.ofPassing(
                    Problem.of(
                        409,
                        "still-running",
                        "A request with this key is running. Send it again in a moment."));
            case OTHER_REQUEST ->
                problem(
                    422,
                    "other-request",
                    "This key was used for another request. Use a new key for a new request.");
            case FORGOTTEN ->
                problem(
                    410,
                    "forgotten",
                    "This key is so old that its answer may be forgotten: look whether the request"
                        + " was done, and use a new key if not.");
          };
    };
  }

  private static RestReply problem(int status, String reason, String detail) {
    return RestReply.of(Problem.of(status, reason, detail));
  }
}
