package dev.tenon.grpc;

import dev.tenon.invocation.Target;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;

/** The channel to one service. Thread-safe. */
final class ServiceChannel extends Channel {
  private final String service;
  private final ChannelParts parts;
  private final StreamCalls streams;

  ServiceChannel(String service, ChannelParts parts) {
    this.service = service;
    this.parts = parts;
    this.streams = new StreamCalls(service, parts);
  }

  @Override
  public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    if (options.getCredentials() != null) {
      throw new IllegalArgumentException(
          "callCredentials: given (expected: none, the calling service proves who it is itself)");
    }
    return method.getType() == MethodType.UNARY
        ? new UnaryCall<>(parts, new Target(service, method.getFullMethodName()), method, options)
        : streams.newCall(method, options);
  }

  @Override
  public String authority() {
    return service;
  }
}
