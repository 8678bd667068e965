package dev.tenon.grpc;

import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.CallContext;
import dev.tenon.transport.IncomingCall;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** Runs handlers in the context of their call, and answers what they throw. Thread-safe. */
final class CallInterceptor implements ServerInterceptor {
  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    ServiceRequestContext request = ServiceRequestContext.current();
    CallContext context = IncomingCall.of(request).context();
    Answering<Q, A> answering = new Answering<>(call, new CallBranches(request));
    var listener = new Listening<Q>(context, answering);
    context.run(() -> listener.start(() -> next.startCall(answering, headers)));
    return listener;
  }

  /** Ends a call once, with a status that is meant for the caller. */
  private static final class Answering<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final AtomicBoolean closed = new AtomicBoolean();
    private final CallBranches branches;

    Answering(ServerCall<Q, A> call, CallBranches branches) {
      super(call);
      this.branches = branches;
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (!closed.compareAndSet(false, true)) {
        return;
      }
      Throwable cause = status.getCause();
      if (cause != null && !status.isOk()) {
        boolean unexpected = status.getCode() == Status.Code.UNKNOWN;
        if (unexpected || CallFailures.of(cause).isPresent()) {
          HandlerFailures.Answer answer = HandlerFailures.answer(method(), cause);
          delegate().close(answer.status(), branches.addTo(answer.trailers()));
          return;
        }
      }
      delegate().close(status.withCause(null), branches.addTo(trailers));
    }

    void fail(Throwable failure) {
      if (closed.compareAndSet(false, true)) {
        HandlerFailures.Answer answer = HandlerFailures.answer(method(), failure);
        delegate().close(answer.status().withCause(null), branches.addTo(answer.trailers()));
      }
    }

    private String method() {
      return getMethodDescriptor().getFullMethodName();
    }
  }

  /** Takes the callbacks to the handler. */
  private static final class Listening<Q> extends ServerCall.Listener<Q> {
    private final CallContext context;
    private final Answering<Q, ?> call;
    private ServerCall.Listener<Q> handler = new ServerCall.Listener<>() {};

    Listening(CallContext context, Answering<Q, ?> call) {
      this.context = context;
      this.call = call;
    }

    void start(Supplier<ServerCall.Listener<Q>> start) {
      try {
        handler = start.get();
      } catch (RuntimeException e) {
        call.fail(e);
      }
    }

    @Override
    public void onMessage(Q message) {
      guarded(() -> handler.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      guarded(handler::onHalfClose);
    }

    @Override
    public void onCancel() {
      guarded(handler::onCancel);
    }

    @Override
    public void onComplete() {
      guarded(handler::onComplete);
    }

    @Override
    public void onReady() {
      guarded(handler::onReady);
    }

    private void guarded(Runnable callback) {
      context.run(
          () -> {
            try {
              callback.run();
            } catch (RuntimeException e) {
              call.fail(e);
            }
          });
    }
  }
}
