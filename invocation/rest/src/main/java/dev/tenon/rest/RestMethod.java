package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.global.BranchCall;
import dev.tenon.global.BranchRefusedException;
import dev.tenon.global.Compensated;
import dev.tenon.global.Participant;
import dev.tenon.global.RowLockedException;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.XaBranch;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.schema.Dialect;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import dev.tenon.transport.IncomingCall;
import dev.tenon.transport.ServiceProblems;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponse;
import org.springframework.web.service.annotation.HttpExchange;

/** One method of an interface that is served: its route, its parameters, its answer. */
final class RestMethod {
  private static final Logger log = LoggerFactory.getLogger(RestMethod.class);

  private final String operation;
  private final Route route;
  private final Method method;
  private final Object implementation;
  private final List<RestParameter> parameters;
  private final Optional<RestIdempotency> idempotency;
  private final Optional<RestParticipation> participation;

  /** Where answers are stored. */
  record Stores(Optional<IdempotentReceiver> receiver, Optional<Participant> participant) {}

  private RestMethod(
      String operation,
      Route route,
      Method method,
      Object implementation,
      List<RestParameter> parameters,
      Optional<RestIdempotency> idempotency,
      Optional<RestParticipation> participation) {
    this.operation = operation;
    this.route = route;
    this.method = method;
    this.implementation = implementation;
    this.parameters = List.copyOf(parameters);
    this.idempotency = idempotency;
    this.participation = participation;
  }

  static RestMethod of(Class<?> api, Method method, Object implementation, Stores stores) {
    String operation = api.getSimpleName() + "." + method.getName();
    List<RestParameter> parameters = new ArrayList<>();
    for (int i = 0; i < method.getParameterCount(); i++) {
      parameters.add(RestParameter.of(new MethodParameter(method, i), operation));
    }
    Exchange exchange = exchange(api, method, operation);
    Optional<Idempotent> idempotent = marked(method, implementation, Idempotent.class);
    Optional<RestIdempotency> idempotency =
        idempotent.map(
            mark ->
                new RestIdempotency(
                    stores.receiver().orElseThrow(() -> missing("receiver", operation)),
                    exchange.toString(),
                    mark.required()));
    boolean branch =
        marked(method, implementation, Compensated.class).isPresent()
            || marked(method, implementation, TryConfirmCancel.class).isPresent()
            || marked(method, implementation, XaBranch.class).isPresent();
    if (branch && stores.participant().isEmpty()) {
      throw missing("participant", operation);
    }
    method.setAccessible(true); // the interface may be package-private
    return new RestMethod(
        operation,
        exchange.route(),
        method,
        implementation,
        parameters,
        idempotency,
        stores
            .participant()
            .map(
                participant ->
                    new RestParticipation(
                        participant, exchange.toString(), branch || idempotent.isPresent())));
  }

  private static IllegalArgumentException missing(String what, String operation) {
    return new IllegalArgumentException(
        "%s: none (expected: one, as %s is marked to store its answer)".formatted(what, operation));
  }

  private static <A extends Annotation> Optional<A> marked(
      Method method, Object implementation, Class<A> annotation) {
    A mark = AnnotatedElementUtils.findMergedAnnotation(method, annotation);
    return mark == null ? onImplementation(method, implementation, annotation) : Optional.of(mark);
  }

  private static <A extends Annotation> Optional<A> onImplementation(
      Method method, Object implementation, Class<A> annotation) {
    try {
      Method own =
          AopProxyUtils.ultimateTargetClass(implementation)
              .getMethod(method.getName(), method.getParameterTypes());
      return Optional.ofNullable(AnnotatedElementUtils.findMergedAnnotation(own, annotation));
    } catch (NoSuchMethodException e) {
      return Optional.empty(); // implemented by a method that is not public: no annotation
    }
  }

  /** What requests a method is for. */
  private record Exchange(String verb, String path) {
    Route route() {
      return Route.builder().path(path).methods(HttpMethod.valueOf(verb)).build();
    }

    @Override
    public String toString() {
      return verb + " " + path;
    }
  }

  private static Exchange exchange(Class<?> api, Method method, String operation) {
    HttpExchange exchange = AnnotatedElementUtils.findMergedAnnotation(method, HttpExchange.class);
    String verb = exchange == null ? "" : exchange.method();
    String path = RestService.prefix(api) + (exchange == null ? "" : exchange.url());
    if (verb.isEmpty() || !path.startsWith("/") || path.contains("?") || path.contains("$")) {
      throw new IllegalArgumentException(
          "method: %s with '%s %s' (expected: an HTTP method, and a path that begins with /)"
              .formatted(operation, verb, path));
    }
    return new Exchange(verb, path);
  }

  Route route() {
    return route;
  }

  /** Answers a call, on the calling thread. Never throws. */
  RestReply answer(
      IncomingCall call, ServiceRequestContext context, AggregatedHttpRequest request) {
    try {
      if (participation.isPresent()) {
        Optional<BranchCall> branch = participation.get().call(call);
        if (branch.isPresent()) {
          return participation
              .get()
              .answer(branch.get(), request, () -> read(call, context, request), this::failure);
        }
      }
    } catch (IllegalArgumentException e) {
      return RestReply.of(ServiceProblems.stepMalformed(String.valueOf(e.getMessage())));
    }
    try {
      if (idempotency.isPresent()) {
        Object[] arguments = arguments(call, context, request);
        return idempotency.get().answer(call, request, () -> invoke(arguments));
      }
      return invoke(arguments(call, context, request));
    } catch (RuntimeException e) {
      return failure(e);
    }
  }

  private RestReply read(
      IncomingCall call, ServiceRequestContext context, AggregatedHttpRequest request) {
    Object[] arguments;
    try {
      arguments = arguments(call, context, request);
    } catch (RestException e) {
      return RestReply.of(e.problem());
    }
    return invoke(arguments);
  }

  private Object[] arguments(
      IncomingCall call, ServiceRequestContext context, AggregatedHttpRequest request) {
    Object[] arguments = new Object[parameters.size()];
    for (int i = 0; i < arguments.length; i++) {
      arguments[i] = parameters.get(i).value(call, context, request);
    }
    return arguments;
  }

  private RestReply invoke(Object[] arguments) {
    try {
      return RestReply.ofResult(method.invoke(implementation, arguments));
    } catch (InvocationTargetException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (cause instanceof Error error) {
        throw error;
      }
      Optional<RowLockedException> locked = RowLockedException.behind(cause);
      if (locked.isPresent()) {
        throw locked.get(); // who handles the call may run it again
      }
      return failure(cause);
    } catch (IllegalAccessException e) {
      return unexpected(e);
    }
  }

  private RestReply failure(Throwable cause) {
    return switch (cause) {
      case RestException e -> RestReply.of(e.problem());
      case CallException e -> RestReply.of(e.passedOn());
      case BranchRefusedException e -> RestReply.of(ServiceProblems.refused(e));
      case ErrorResponse e -> RestReply.of(problem(e.getBody()));
      case UnknownCommitOutcomeException e -> outcomeUnknown();
      case RowLockedException e -> RestReply.of(ServiceProblems.rowLocked(e));
      default -> unexpected(cause);
    };
  }

  private static Problem problem(ProblemDetail detail) {
    return new Problem(
        detail.getStatus(),
        detail.getType() == null ? "about:blank" : detail.getType().toString(),
        String.valueOf(detail.getTitle()),
        detail.getDetail() == null ? "" : detail.getDetail(),
        detail.getProperties() == null ? Map.of() : detail.getProperties());
  }

  private RestReply outcomeUnknown() {
    log.atWarn().addKeyValue("operation", operation).log("outcome of the commit unknown");
    return RestReply.of(ServiceProblems.outcomeUnknown());
  }

  private RestReply unexpected(Throwable cause) {
    if (Dialect.connectionLostBehind(cause)) {
      log.atWarn().addKeyValue("operation", operation).log("database away: answered 503");
      return RestReply.of(ServiceProblems.databaseAway());
    }
    log.atWarn().setCause(cause).addKeyValue("operation", operation).log("call failed");
    return RestReply.of(Problem.of(500, "internal", "The service failed; its own log says why."));
  }
}
