package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.global.GlobalCall;
import dev.tenon.global.Listing;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.NotSentException;
import dev.tenon.messaging.ReplyFate;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Tells the distributed transaction that a call is made for, if there is one, how the call ended:
 * before its caller is told. Thread-safe.
 */
final class GlobalReport {
  private final Optional<GlobalCall> call;
  private boolean givenUp; // guarded by this

  GlobalReport(Optional<GlobalCall> call) {
    this.call = call;
  }

  /** Adds what says to which transaction the call belongs; its step is the key then. */
  void write(RequestHeadersBuilder headers) {
    call.ifPresent(
        made -> {
          headers.set(CallHeaders.XID, made.xid());
          headers.set(CallHeaders.STEP, made.step());
          headers.remove(CallHeaders.IDEMPOTENCY_KEY);
          headers.remove(CallHeaders.KEY_TIME);
        });
  }

  synchronized void answered(AggregatedHttpResponse response, @Nullable Result result) {
    if (givenUp) {
      return;
    }
    ReplyFate fate =
        result instanceof Result.Answered answer
            ? ReplyFate.of(answer.status())
            : ReplyFate.REFUSED; // what another service said lasts
    String listing = response.headers().get(Listing.HEADER);
    String last = listing == null ? response.trailers().get(Listing.HEADER) : listing;
    call.ifPresent(
        made -> {
          switch (fate) {
            case STORED -> made.answered(last);
            case REFUSED -> made.refused(last);
            case FORGOTTEN -> made.failed(last);
          }
        });
  }

  synchronized void failed(CallException failure) {
    if (givenUp) {
      return;
    }
    call.ifPresent(
        made -> {
          if (failure instanceof NotSentException) {
            made.notSent();
          } else {
            made.unknown();
          }
        });
  }

  /** The caller does not wait any more: whatever comes now, it will not have seen it. */
  synchronized void givenUp() {
    givenUp = true;
    call.ifPresent(GlobalCall::unknown);
  }
}
