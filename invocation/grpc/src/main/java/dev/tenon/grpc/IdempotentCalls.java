package dev.tenon.grpc;

import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.global.BranchCall;
import dev.tenon.global.Listing;
import dev.tenon.global.Participant;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Idempotent;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transport.BranchCalls;
import dev.tenon.transport.IncomingCall;
import dev.tenon.transport.ServiceProblems;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Runs the unary methods that are marked as idempotent once for a key, or for the step of a
 * distributed transaction, and stores the bytes of their reply in the commit of their effects.
 * Other unary methods run under the transaction that their call came under; streams are refused
 * under one. Stands right before the handlers. Thread-safe.
 */
final class IdempotentCalls implements ServerInterceptor {
  private static final Metadata.Key<String> KEY_TIME =
      Metadata.Key.of(CallHeaders.KEY_TIME, Metadata.ASCII_STRING_MARSHALLER);

  private final Stores stores;
  private final MarkedMethods methods;

  /**
   * Where replies are stored.
   *
   * @param receiver for calls under a key
   * @param participant for calls under a distributed transaction
   */
  record Stores(Optional<IdempotentReceiver> receiver, Optional<Participant> participant) {}

  /**
   * Makes it.
   *
   * @throws IllegalArgumentException if a method is marked for which there is no store
   */
  IdempotentCalls(Stores stores, MarkedMethods methods) {
    this.stores = stores;
    this.methods = methods;
    if (!methods.idempotent().isEmpty() && stores.receiver().isEmpty()) {
      throw new IllegalArgumentException(
          "idempotent: not set (expected: a receiver for %s)"
              .formatted(methods.idempotent().keySet()));
    }
    if (!methods.branches().isEmpty() && stores.participant().isEmpty()) {
      throw new IllegalArgumentException(
          "participant: not set (expected: one for %s)".formatted(methods.branches()));
    }
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    MethodDescriptor<Q, A> method = call.getMethodDescriptor();
    if (stores.participant().isPresent()) {
      Optional<BranchCall> branch = branch(method);
      if (branch.isPresent()) {
        if (method.getType() != MethodType.UNARY) {
          throw StatusMapping.exception(ServiceProblems.streamUnderTransaction());
        }
        return participate(stores.participant().get(), branch.get(), call, headers, next);
      }
    }
    Idempotent marked = methods.idempotent().get(method.getFullMethodName());
    if (marked == null) {
      return next.startCall(call, headers);
    }
    String field = headers.get(GrpcCallOptions.IDEMPOTENCY_METADATA);
    if (field == null) {
      if (marked.required()) {
        throw StatusMapping.exception(ServiceProblems.keyMissing());
      }
      return next.startCall(call, headers);
    }
    IdempotencyKey key = key(method, field, headers.get(KEY_TIME));
    IdempotentReceiver receiver = stores.receiver().orElseThrow();
    CapturedCall<Q, A> captured = new CapturedCall<>(call);
    return new StoredCall<>(
        call,
        captured,
        next.startCall(captured, headers),
        (fingerprint, work) -> receiver.handle(key, fingerprint, work));
  }

  private <Q, A> ServerCall.Listener<Q> participate(
      Participant participant,
      BranchCall branch,
      ServerCall<Q, A> call,
      Metadata headers,
      ServerCallHandler<Q, A> next) {
    CallBranches branches = new CallBranches(ServiceRequestContext.current());
    if (!methods.stores(branch.operation())) {
      ReadingCall<Q, A> reading = new ReadingCall<>(call, participant, branch, branches);
      return reading.listener(next.startCall(reading, headers));
    }
    CapturedCall<Q, A> captured = new CapturedCall<>(call);
    return new StoredCall<>(
        call,
        captured,
        next.startCall(captured, headers),
        new StoredCall.Store() {
          @Override
          public Receipt handle(
              Fingerprint fingerprint, IdempotentReceiver.Work<RuntimeException> work) {
            return participant.handle(branch, fingerprint, IdempotentReceiver.Work.once(work));
          }

          @Override
          public void named(StoredReply reply) {
            String listing = reply.headers().get(Listing.HEADER);
            if (listing != null) {
              branches.name(listing);
            }
          }

          @Override
          public void failed(RuntimeException failure) {
            participant.failedListing(failure).ifPresent(branches::name);
          }
        });
  }

  private static Optional<BranchCall> branch(MethodDescriptor<?, ?> method) {
    try {
      return BranchCalls.of(
          IncomingCall.of(ServiceRequestContext.current()), method.getFullMethodName());
    } catch (IllegalArgumentException e) {
      throw StatusMapping.exception(ServiceProblems.stepMalformed(String.valueOf(e.getMessage())));
    }
  }

  private static IdempotencyKey key(
      MethodDescriptor<?, ?> method, String field, @Nullable String time) {
    String caller = IncomingCall.of(ServiceRequestContext.current()).caller();
    try {
      IdempotencyKey key = IdempotencyKey.received(caller, method.getFullMethodName(), field);
      return time == null ? key : key.createdAtField(time);
    } catch (IllegalArgumentException e) {
      throw StatusMapping.exception(ServiceProblems.keyMalformed(String.valueOf(e.getMessage())));
    }
  }
}
