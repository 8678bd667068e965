package dev.tenon.transport;

import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.CallContext;
import io.netty.util.AttributeKey;

/**
 * Who calls, and what the call carries.
 *
 * @param caller the calling service, which has proved who it is
 * @param context what travels with the call; a handler is run in it
 */
public record IncomingCall(String caller, CallContext context) {
  private static final AttributeKey<IncomingCall> KEY =
      AttributeKey.valueOf(IncomingCall.class, "CALL");

  /**
   * The call that a request on the Tenon port is.
   *
   * @param context the request's
   * @return the call
   * @throws IllegalStateException if the request came elsewhere
   */
  public static IncomingCall of(ServiceRequestContext context) {
    IncomingCall call = context.attr(KEY);
    if (call == null) {
      throw new IllegalStateException("context: not of the Tenon port (expected: a call's)");
    }
    return call;
  }

  static boolean isOn(ServiceRequestContext context) {
    return context.hasAttr(KEY);
  }

  void attachTo(ServiceRequestContext context) {
    context.setAttr(KEY, this);
  }
}
