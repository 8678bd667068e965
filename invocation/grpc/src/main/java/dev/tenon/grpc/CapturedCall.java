package dev.tenon.grpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what a handler of a unary method answers, until it is stored. A handler that answers later
 * than it returns is not waited for. Not thread-safe.
 */
final class CapturedCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
  private @Nullable Metadata headers;
  private @Nullable A message;
  private @Nullable Status status;
  private Metadata trailers = new Metadata();

  CapturedCall(ServerCall<Q, A> call) {
    super(call);
  }

  @Override
  public void sendHeaders(Metadata sent) {
    headers = sent;
  }

  @Override
  public void sendMessage(A sent) {
    message = sent;
  }

  @Override
  public void close(Status closing, Metadata sent) {
    if (status == null) {
      status = closing;
      trailers = sent;
    }
  }

  boolean isClosed() {
    return status != null && (!status.isOk() || message != null);
  }

  Status status() {
    Status closed = status;
    if (closed == null) {
      throw new IllegalStateException("status: none (expected: a closed call)");
    }
    return closed;
  }

  A message() {
    A sent = message;
    if (sent == null) {
      throw new IllegalStateException("message: none (expected: one)");
    }
    return sent;
  }

  Metadata trailers() {
    return trailers;
  }

  /** Gives the caller what was kept. */
  void passOn() {
    Metadata first = headers;
    A sent = message;
    if (sent != null && status().isOk()) {
      delegate().sendHeaders(first == null ? new Metadata() : first);
      delegate().sendMessage(sent);
    }
    delegate().close(status(), trailers);
  }
}
