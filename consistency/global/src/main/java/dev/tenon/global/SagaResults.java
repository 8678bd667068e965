package dev.tenon.global;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenon.global.SagaPause.Reason;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.StoredReply;
import dev.tenon.runtime.Json;
import dev.tenon.transaction.Transactions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The results of a saga's own steps: stored replies of the service to itself, each written by the
 * commit of its step's effects.
 */
final class SagaResults {
  private static final int STATUS = 200;
  private static final byte[] NULL = "null".getBytes(UTF_8);

  private final SagaParts parts;
  private final SagaStore.Row row;
  private final Scope scope;
  private final Function<Reason, SagaPause> leave;

  SagaResults(SagaParts parts, SagaStore.Row row, Scope scope, Function<Reason, SagaPause> leave) {
    this.parts = parts;
    this.row = row;
    this.scope = scope;
    this.leave = leave;
  }

  /** What a step that was done gave, perhaps nothing. */
  record Known<T>(@Nullable T value) {}

  /** The result of a step that was done. */
  <T> Optional<Known<T>> known(String step, Class<T> type) {
    Optional<StoredReply> found;
    try {
      found = parts.receiver().find(key(step));
    } catch (RuntimeException e) {
      if (parts.isPassing(e)) {
        throw leave.apply(parts.reason(e));
      }
      throw e;
    }
    return found.map(reply -> new Known<>(value(reply, type)));
  }

  /** Does a step that may open a branch of this very service, unless it was done. */
  <T, X extends Exception> T opened(String step, Class<T> type, Transactions.Work<T, X> work)
      throws X {
    BranchCall call = new BranchCall(row.header(), step, parts.service(), operation());
    StoredReply reply =
        reply(() -> parts.participant().<X>handle(call, fingerprint(step), writing(work)));
    String listing = reply.headers().get(Listing.HEADER);
    if (listing != null) {
      scope.update(
          known -> known.begun(step, parts.service()).answered(step, Listing.parse(listing)));
    }
    return value(reply, type);
  }

  /** Does a step that opens no branch, unless it was done. */
  <T, X extends Exception> T received(String step, Class<T> type, Transactions.Work<T, X> work)
      throws X {
    StoredReply reply =
        reply(
            () ->
                parts
                    .receiver()
                    .<X>handle(key(step), fingerprint(step), parts.keepUntil(row), writing(work)));
    return value(reply, type);
  }

  private static <T, X extends Exception> IdempotentReceiver.Work<X> writing(
      Transactions.Work<T, X> work) {
    return unit -> {
      T value = work.call(unit);
      return new StoredReply(STATUS, Map.of(), value == null ? NULL : Json.write(value));
    };
  }

  /** Has a step handled. */
  @FunctionalInterface
  private interface Handling<X extends Exception> {
    Receipt handle() throws X;
  }

  private <X extends Exception> StoredReply reply(Handling<X> handling) throws X {
    Receipt receipt;
    try (var outside = Scope.leave()) {
      receipt = handling.handle();
    } catch (BranchRefusedException e) {
      // Put aside under the fence: if it is another's, that says so; else the next run aborts it.
      throw leave.apply(new Reason.Later(e));
    } catch (RuntimeException e) {
      if (parts.isPassing(e)) {
        throw leave.apply(parts.reason(e));
      }
      throw e;
    }
    return switch (receipt) {
      case Receipt.Executed executed -> result(executed.reply());
      case Receipt.Replayed replayed -> result(replayed.reply());
      case Receipt.Rejected rejected -> throw leave.apply(reason(rejected.reason()));
    };
  }

  /** A refusal is no result of a step: there is nobody to answer. */
  private static StoredReply result(StoredReply reply) {
    if (reply.status() != STATUS) {
      throw new IllegalStateException(
          "a step of the saga has refused with status "
              + reply.status()
              + ". Throw another exception than a refusal to roll a step back.");
    }
    return reply;
  }

  private static Reason reason(Receipt.Rejection rejection) {
    return switch (rejection) {
      case STILL_RUNNING ->
          new Reason.Later(new IllegalStateException("another run of it is in this step"));
      case FORGOTTEN -> new Reason.Park("the results of its steps are forgotten");
      case OTHER_REQUEST -> new Reason.Park("the name of a step was used by another step");
    };
  }

  @SuppressWarnings("NullAway") // a step whose work gives null gives null
  private static <T> T value(StoredReply reply, Class<T> type) {
    return Json.mapper().readValue(reply.body(), type);
  }

  private String operation() {
    return "saga " + row.type();
  }

  /** The steps that a saga's row has recorded, with the results that are stored of them. */
  static SagaHistory history(SagaParts parts, SagaStore.Row row) {
    List<SagaHistory.Step> steps = new ArrayList<>();
    for (String step : row.history()) {
      Optional<StoredReply> found = parts.receiver().find(key(parts, row, step));
      steps.add(
          new SagaHistory.Step(
              step,
              found.isPresent(),
              found.map(reply -> Json.mapper().readTree(reply.body())).orElse(null)));
    }
    JsonNode input = Json.mapper().readTree(row.input());
    return new SagaHistory(row.type(), row.id(), row.xid().id(), row.startedAt(), input, steps);
  }

  private IdempotencyKey key(String step) {
    return key(parts, row, step);
  }

  private static IdempotencyKey key(SagaParts parts, SagaStore.Row row, String step) {
    return LocalParticipant.replyKey(new BranchRow.Key(row.xid(), step), parts.service());
  }

  private static Fingerprint fingerprint(String step) {
    return Fingerprint.ofBytes(step, new byte[0]);
  }
}
