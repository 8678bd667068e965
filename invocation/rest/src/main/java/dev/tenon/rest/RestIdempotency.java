package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.ReplyFate;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transport.IncomingCall;
import dev.tenon.transport.ServiceProblems;
import java.util.function.Supplier;

/**
 * Runs a method once for a key, and stores its answer in the commit of its effects.
 *
 * @param receiver where answers are stored
 * @param operation HTTP method and path of the operation, beside which keys are unique; Spring MVC
 *     names the same operation alike
 * @param required whether a key must be given
 */
record RestIdempotency(IdempotentReceiver receiver, String operation, boolean required) {

  /** Rolls back what must not be stored, and carries its answer. */
  static final class Unstored extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient RestReply reply;

    Unstored(RestReply reply) {
      super("not stored: " + reply.status());
      this.reply = reply;
    }

    RestReply reply() {
      return reply;
    }
  }

  RestReply answer(IncomingCall call, AggregatedHttpRequest request, Supplier<RestReply> handler) {
    String field = request.headers().get(CallHeaders.IDEMPOTENCY_KEY);
    if (field == null) {
      return required ? RestReply.of(ServiceProblems.keyMissing()) : handler.get();
    }
    IdempotencyKey key;
    try {
      key = IdempotencyKey.received(call.caller(), operation, field);
      String time = request.headers().get(CallHeaders.KEY_TIME);
      key = time == null ? key : key.createdAtField(time);
    } catch (IllegalArgumentException e) {
      return RestReply.of(ServiceProblems.keyMalformed(String.valueOf(e.getMessage())));
    }
    try {
      return answer(
          receiver.<RuntimeException>handle(key, fingerprint(request), unit -> toStore(handler)));
    } catch (Unstored e) {
      return e.reply();
    }
  }

  static Fingerprint fingerprint(AggregatedHttpRequest request) {
    return Fingerprint.ofJson(request.method() + " " + request.path(), request.content().array());
  }

  /** Runs the handler in the unit of work that stores its answer. */
  static StoredReply toStore(Supplier<RestReply> handler) {
    RestReply reply = handler.get();
    return switch (ReplyFate.of(reply.status())) {
      case STORED -> reply.toStore();
      case REFUSED -> throw new RefusalException("refused: " + reply.status(), reply.toStore());
      case FORGOTTEN -> throw new Unstored(reply);
    };
  }

  static RestReply answer(Receipt receipt) {
    return switch (receipt) {
      case Receipt.Executed executed -> RestReply.of(executed.reply(), false);
      case Receipt.Replayed replayed -> RestReply.of(replayed.reply(), true);
      case Receipt.Rejected rejected -> RestReply.of(ServiceProblems.rejected(rejected.reason()));
    };
  }
}
