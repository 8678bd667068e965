package dev.tenon.grpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;

/** Sends some of a call's metadata back with its answer. */
final class EchoingMetadata implements ServerInterceptor {
  private final Metadata.Key<?>[] keys;

  EchoingMetadata(Metadata.Key<?>... keys) {
    this.keys = keys;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    return next.startCall(
        new SimpleForwardingServerCall<>(call) {
          @Override
          public void sendHeaders(Metadata sent) {
            for (Metadata.Key<?> key : keys) {
              echo(key, headers, sent);
            }
            super.sendHeaders(sent);
          }
        },
        headers);
  }

  private static <T> void echo(Metadata.Key<T> key, Metadata from, Metadata to) {
    Iterable<T> values = from.getAll(key);
    if (values != null) {
      values.forEach(value -> to.put(key, value));
    }
  }
}
