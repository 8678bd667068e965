package dev.tenon.grpc;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Idempotent;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.ReplyFate;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transport.IncomingCall;
import dev.tenon.transport.ServiceProblems;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs the unary methods that are marked as idempotent once for a key, and stores the bytes of
 * their reply in the commit of their effects. Stands right before the handlers. Thread-safe.
 */
final class IdempotentCalls implements ServerInterceptor {
  private static final Metadata.Key<String> REPLAYED =
      Metadata.Key.of(CallHeaders.IDEMPOTENCY_REPLAYED, Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> KEY_TIME =
      Metadata.Key.of(CallHeaders.KEY_TIME, Metadata.ASCII_STRING_MARSHALLER);

  private final IdempotentReceiver receiver;
  private final Map<String, Idempotent> methods;

  /**
   * Makes it.
   *
   * @param receiver where replies are stored
   * @param methods the marked methods by their full names
   */
  IdempotentCalls(IdempotentReceiver receiver, Map<String, Idempotent> methods) {
    this.receiver = receiver;
    this.methods = Map.copyOf(methods);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    Idempotent marked = methods.get(call.getMethodDescriptor().getFullMethodName());
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
    IdempotencyKey key = key(call.getMethodDescriptor(), field, headers.get(KEY_TIME));
    CapturedCall<Q, A> captured = new CapturedCall<>(call);
    return new Once<>(key, call, captured, next.startCall(captured, headers));
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

  /** Rolls back what must not be stored; its answer is in the captured call. */
  private static final class UnstoredException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** Runs the handler inside the unit of work that stores its reply. */
  private final class Once<Q, A> extends ServerCall.Listener<Q> {
    private final IdempotencyKey key;
    private final ServerCall<Q, A> call;
    private final CapturedCall<Q, A> captured;
    private final ServerCall.Listener<Q> handler;
    private @Nullable Q request;

    Once(
        IdempotencyKey key,
        ServerCall<Q, A> call,
        CapturedCall<Q, A> captured,
        ServerCall.Listener<Q> handler) {
      this.key = key;
      this.call = call;
      this.captured = captured;
      this.handler = handler;
    }

    @Override
    public void onMessage(Q message) {
      request = message;
      handler.onMessage(message);
    }

    @Override
    public void onHalfClose() {
      Q message = request;
      if (message == null) {
        handler.onHalfClose(); // which answers that there is none
        captured.passOn();
        return;
      }
      try {
        Receipt receipt =
            receiver.<RuntimeException>handle(key, fingerprint(message), unit -> run());
        switch (receipt) {
          case Receipt.Executed executed -> captured.passOn();
          case Receipt.Replayed replayed -> replay(replayed.reply());
          case Receipt.Rejected rejected ->
              throw StatusMapping.exception(ServiceProblems.rejected(rejected.reason()));
        }
      } catch (UnstoredException e) {
        captured.passOn();
      }
    }

    private StoredReply run() {
      String method = call.getMethodDescriptor().getFullMethodName();
      try {
        handler.onHalfClose();
      } catch (StatusRuntimeException e) {
        HandlerFailures.Answer answer = HandlerFailures.answer(method, e);
        captured.close(answer.status(), answer.trailers());
      }
      if (!captured.isClosed()) {
        throw new IllegalStateException(
            "handler of %s: no answer (expected: one before it returns, as it is idempotent)"
                .formatted(method));
      }
      Status status = captured.status();
      if (status.isOk()) {
        return new StoredReply(0, Map.of(), bytes(captured.message()));
      }
      com.google.rpc.Status rich = StatusProto.fromStatusAndTrailers(status, captured.trailers());
      int http = StatusMapping.problem(status, captured.trailers()).status();
      if (rich == null || ReplyFate.of(http) != ReplyFate.REFUSED) {
        throw new UnstoredException();
      }
      throw new RefusalException(
          "refused: " + status.getCode(),
          new StoredReply(rich.getCode(), Map.of(), rich.toByteArray()));
    }

    private byte[] bytes(A message) {
      try (InputStream stream = call.getMethodDescriptor().streamResponse(message)) {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private Fingerprint fingerprint(Q message) {
      return Fingerprint.ofBytes(key.operation(), canonical(message));
    }

    private byte[] canonical(Q message) {
      try {
        if (!(message instanceof MessageLite proto)) {
          return call.getMethodDescriptor().streamRequest(message).readAllBytes();
        }
        var bytes = new ByteArrayOutputStream(proto.getSerializedSize());
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        out.useDeterministicSerialization(); // maps in the order of their keys
        proto.writeTo(out);
        out.flush();
        return bytes.toByteArray();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private void replay(StoredReply reply) {
      Metadata replayed = new Metadata();
      replayed.put(REPLAYED, "true");
      if (reply.status() == 0) {
        call.sendHeaders(replayed);
        call.sendMessage(
            call.getMethodDescriptor().parseResponse(new ByteArrayInputStream(reply.body())));
        call.close(Status.OK, new Metadata());
        return;
      }
      try {
        StatusRuntimeException refused =
            StatusProto.toStatusRuntimeException(com.google.rpc.Status.parseFrom(reply.body()));
        Metadata trailers = refused.getTrailers();
        if (trailers != null) {
          replayed.merge(trailers);
        }
        call.close(refused.getStatus(), replayed);
      } catch (InvalidProtocolBufferException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void onCancel() {
      handler.onCancel();
    }

    @Override
    public void onComplete() {
      handler.onComplete();
    }

    @Override
    public void onReady() {
      handler.onReady();
    }
  }
}
