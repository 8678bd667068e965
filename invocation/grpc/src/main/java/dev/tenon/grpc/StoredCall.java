package dev.tenon.grpc;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.tenon.global.BranchRefusedException;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.ReplyFate;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transport.ServiceProblems;
import io.grpc.Metadata;
import io.grpc.ServerCall;
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

/** Runs the handler of a unary call inside the unit of work that stores its reply. */
final class StoredCall<Q, A> extends ServerCall.Listener<Q> {
  private static final Metadata.Key<String> REPLAYED =
      Metadata.Key.of(CallHeaders.IDEMPOTENCY_REPLAYED, Metadata.ASCII_STRING_MARSHALLER);

  private final ServerCall<Q, A> call;
  private final CapturedCall<Q, A> captured;
  private final ServerCall.Listener<Q> handler;
  private final Store store;
  private @Nullable Q request;

  /** Where the reply is stored. */
  @FunctionalInterface
  interface Store {
    /** Runs the work once, or gives its stored reply. */
    Receipt handle(Fingerprint fingerprint, IdempotentReceiver.Work<RuntimeException> work);

    /** The call is answered with this reply. */
    default void named(StoredReply reply) {}

    /** The call is answered with a failure. */
    default void failed(RuntimeException failure) {}
  }

  /** Rolls back what must not be stored; its answer is in the captured call. */
  private static final class UnstoredException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  StoredCall(
      ServerCall<Q, A> call,
      CapturedCall<Q, A> captured,
      ServerCall.Listener<Q> handler,
      Store store) {
    this.call = call;
    this.captured = captured;
    this.handler = handler;
    this.store = store;
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
      switch (store.handle(fingerprint(message), unit -> run())) {
        case Receipt.Executed executed -> {
          store.named(executed.reply());
          captured.passOn();
        }
        case Receipt.Replayed replayed -> {
          store.named(replayed.reply());
          replay(replayed.reply());
        }
        case Receipt.Rejected rejected ->
            throw StatusMapping.exception(ServiceProblems.rejected(rejected.reason()));
      }
    } catch (UnstoredException e) {
      store.failed(e);
      captured.passOn();
    } catch (BranchRefusedException e) {
      store.failed(e);
      throw StatusMapping.exception(ServiceProblems.refused(e));
    } catch (RuntimeException e) {
      store.failed(e);
      throw e;
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
          "handler of %s: no answer (expected: one before it returns, as it is stored)"
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
    return Fingerprint.ofBytes(call.getMethodDescriptor().getFullMethodName(), canonical(message));
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
