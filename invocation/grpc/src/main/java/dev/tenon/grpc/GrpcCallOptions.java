package dev.tenon.grpc;

import com.google.protobuf.DescriptorProtos.MethodOptions.IdempotencyLevel;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallHeaders;
import io.grpc.CallOptions;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;

/**
 * What a call may say on channels of {@link GrpcChannels}, by {@code stub.withOption(…)}.
 *
 * <p>A unary call is repeated when nobody knows what became of it if it says so by {@link
 * #REPEATABLE}, if it has an idempotency key, or if the method's {@code idempotency_level} in the
 * {@code .proto} is set. Any unary call is repeated if the callee has certainly done nothing.
 */
public final class GrpcCallOptions {
  /** Whether the call may be repeated, whatever its method says. */
  public static final CallOptions.Key<Repeatable> REPEATABLE =
      CallOptions.Key.create("tenon-repeatable");

  /**
   * The call's idempotency key, sent as metadata {@value CallHeaders#IDEMPOTENCY_KEY}. It makes the
   * call repeatable, so the callee must know such keys.
   */
  public static final CallOptions.Key<String> IDEMPOTENCY_KEY =
      CallOptions.Key.create("tenon-idempotency-key");

  static final Metadata.Key<String> IDEMPOTENCY_METADATA =
      Metadata.Key.of(CallHeaders.IDEMPOTENCY_KEY, Metadata.ASCII_STRING_MARSHALLER);

  private GrpcCallOptions() {}

  static Repeatable repeatable(
      MethodDescriptor<?, ?> method, CallOptions options, Metadata headers) {
    Repeatable said = options.getOption(REPEATABLE);
    if (said != null) {
      return said;
    }
    boolean harmless =
        headers.containsKey(IDEMPOTENCY_METADATA)
            || method.isSafe()
            || method.isIdempotent()
            || saysSo(method);
    return harmless ? Repeatable.ALWAYS : Repeatable.IF_NOT_SENT;
  }

  private static boolean saysSo(MethodDescriptor<?, ?> method) {
    return method.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier schema
        && schema.getMethodDescriptor().getOptions().getIdempotencyLevel()
            != IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
  }
}
