package dev.tenon.transport;

import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.util.TimeoutMode;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.SimpleDecoratingHttpService;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import java.net.SocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * Stands before everything that is served on the Tenon port: lets a call in if the port serves, the
 * caller is known, there is time and room; and counts those inside, so that a stop can wait for
 * them. What is not let in is answered so that the caller may go elsewhere. Thread-safe.
 */
final class CallGate {
  private static final String FULL = "full";

  private enum State {
    STARTING,
    OPEN,
    STOPPING
  }

  private final ServiceIdentity identity;
  private final InstantSource clock;
  private final int callsMax;
  private final Duration graceLimit;
  private final AtomicInteger inside = new AtomicInteger();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition empty = lock.newCondition();
  private final Map<SocketAddress, ServiceRequestContext> leaving = new ConcurrentHashMap<>();
  private volatile State state = State.STARTING;

  CallGate(ServiceIdentity identity, InstantSource clock, int callsMax, Duration graceLimit) {
    this.identity = identity;
    this.clock = clock;
    this.callsMax = callsMax;
    this.graceLimit = graceLimit;
  }

  void open() {
    if (state == State.STARTING) {
      state = State.OPEN;
    }
  }

  boolean isOpen() {
    return state == State.OPEN;
  }

  /** Lets nobody in any more. */
  void stop() {
    state = State.STOPPING;
  }

  /** Waits for the calls inside after a {@link #stop}, whether all have left. */
  boolean awaitEmpty() throws InterruptedException {
    long left = graceLimit.toNanos();
    lock.lockInterruptibly();
    try {
      while (inside.get() > 0) {
        if (left <= 0) {
          return false;
        }
        left = empty.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  private void leave() {
    // Who waits has stopped the gate before; while it is open, leaving takes no lock.
    if (inside.decrementAndGet() == 0 && state == State.STOPPING) {
      lock.lock();
      try {
        empty.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Tells a connection's peer to use another one. Requests that are on their way are still taken,
   * until {@link #endConnections}: one that comes when none is taken any more breaks the whole
   * connection, with the calls that are under way on it.
   */
  private void sendAway(ServiceRequestContext context) {
    if (leaving.putIfAbsent(context.remoteAddress(), context) == null) {
      var unused = context.initiateConnectionShutdown(graceLimit);
    }
  }

  /** Ends the connections whose peers were told to use others, once they have had time to. */
  void endConnections(Duration drain) {
    for (ServiceRequestContext context : leaving.values()) {
      var unused = context.initiateConnectionShutdown(drain);
    }
    leaving.clear();
  }

  HttpService before(PortService service) {
    return new Gated(service.service(), service.problems());
  }

  private Problem unable(String sentence) {
    return Problems.unreachable(
        "Could not take a call [service=%s]: %s. Try again, elsewhere if there are more instances."
            .formatted(identity.service(), sentence));
  }

  /** One service behind the gate. */
  private final class Gated extends SimpleDecoratingHttpService {
    private final Function<Problem, HttpResponse> problems;

    Gated(HttpService service, Function<Problem, HttpResponse> problems) {
      super(service);
      this.problems = problems;
    }

    @Override
    public HttpResponse serve(ServiceRequestContext context, HttpRequest request) throws Exception {
      if (inside.incrementAndGet() > callsMax) {
        leave();
        return refuse(
            context, request, FULL, "as many calls as allowed are under way, " + callsMax);
      }
      boolean entered = false;
      try {
        HttpResponse answer = admit(context, request);
        entered = true;
        var unused =
            answer
                .whenComplete()
                .handle(
                    (done, failure) -> {
                      leave();
                      return null;
                    });
        return answer;
      } finally {
        if (!entered) {
          leave();
        }
      }
    }

    private HttpResponse admit(ServiceRequestContext context, HttpRequest request)
        throws Exception {
      switch (state) {
        case STARTING -> {
          return refuse(context, request, CallHeaders.STARTING, "it is starting");
        }
        case STOPPING -> {
          sendAway(context);
          return refuse(context, request, CallHeaders.STOPPING, "it is stopping");
        }
        case OPEN -> {}
      }
      IncomingCall call;
      try {
        call = read(context, request);
      } catch (ProblemException e) {
        return EarlyAnswers.after(context, request, problems.apply(e.problem()));
      }
      call.attachTo(context);
      return unwrap().serve(context, request);
    }

    private IncomingCall read(ServiceRequestContext context, HttpRequest request) {
      String caller = identity.caller(context, request.headers());
      Instant now = clock.instant();
      CallContext call;
      try {
        call = CallContext.read(name -> request.headers().get(name), now);
      } catch (IllegalArgumentException e) {
        throw new ProblemException(Problems.invalid(String.valueOf(e.getMessage())));
      }
      call.deadline()
          .ifPresent(
              deadline -> {
                Duration left = Duration.between(now, deadline);
                if (left.toMillis() <= 0) {
                  throw new ProblemException(
                      Problem.of(504, "deadline", "The caller's deadline has passed."));
                }
                context.setRequestTimeout(TimeoutMode.SET_FROM_NOW, left);
              });
      return new IncomingCall(caller, call);
    }

    private HttpResponse refuse(
        ServiceRequestContext context, HttpRequest request, String reason, String sentence) {
      HttpResponse answer =
          problems
              .apply(unable(sentence))
              .mapHeaders(headers -> headers.toBuilder().set(CallHeaders.REFUSED, reason).build());
      return EarlyAnswers.after(context, request, answer);
    }
  }
}
