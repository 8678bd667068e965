package dev.tenon.spring;

import dev.tenon.invocation.Idempotent;
import dev.tenon.transport.ServiceProblems;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.core.ResolvableType;
import org.springframework.http.HttpEntity;
import org.springframework.web.context.request.async.DeferredResult;
import org.springframework.web.context.request.async.WebAsyncTask;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.HandlerExecutionChain;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.HandlerMapping;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter;
import org.springframework.web.servlet.mvc.method.annotation.StreamingResponseBody;
import org.springframework.web.util.ServletRequestPathUtils;

/**
 * Knows which methods are {@link Idempotent}: finds the one that a request is for, refuses those
 * that cannot be, and answers requests without the key that they require.
 */
final class IdempotentHandlers
    implements SmartInitializingSingleton, HandlerInterceptor, WebMvcConfigurer {
  static final String KEY = "Idempotency-Key";

  private static final Logger log = LoggerFactory.getLogger(IdempotentHandlers.class);
  private static final List<Class<?>> NOT_STORABLE =
      List.of(
          Callable.class,
          CompletionStage.class,
          Flow.Publisher.class,
          DeferredResult.class,
          WebAsyncTask.class,
          ResponseBodyEmitter.class,
          StreamingResponseBody.class);

  private final ObjectProvider<RequestMappingHandlerMapping> mappings;

  IdempotentHandlers(ObjectProvider<RequestMappingHandlerMapping> mappings) {
    this.mappings = mappings;
  }

  @Override
  public void afterSingletonsInstantiated() {
    mappings.stream()
        .flatMap(mapping -> mapping.getHandlerMethods().values().stream())
        .filter(
            handler ->
                handler.hasMethodAnnotation(Idempotent.class)
                    || DeclaredBranches.isDeclared(handler.getMethod()))
        .forEach(handler -> requireStorable(handler.getMethod()));
  }

  private static void requireStorable(Method method) {
    ResolvableType answer = ResolvableType.forMethodReturnType(method);
    Class<?> type =
        HttpEntity.class.isAssignableFrom(answer.toClass())
            ? answer.as(HttpEntity.class).getGeneric(0).toClass()
            : answer.toClass();
    boolean storable =
        NOT_STORABLE.stream().noneMatch(refused -> refused.isAssignableFrom(type))
            && ReactiveAdapterRegistry.getSharedInstance().getAdapter(type) == null;
    if (!storable) {
      throw new SetupException(
          "The method "
              + method.getDeclaringClass().getSimpleName()
              + "."
              + method.getName()
              + " answers with "
              + type.getSimpleName()
              + ", asynchronously or as a stream, which cannot be stored with its effects.",
          "Let it answer with a value, or take @Idempotent off.");
    }
  }

  /**
   * What a request is for.
   *
   * @param operation method and path pattern
   * @param idempotent whether the handler is marked as idempotent
   * @param branch whether it declares its branch of a distributed transaction
   */
  record Found(String operation, boolean idempotent, boolean branch) {}

  /** The method and path pattern that a request is for, if that handler is idempotent. */
  Optional<String> operation(HttpServletRequest request) {
    return find(request).filter(Found::idempotent).map(Found::operation);
  }

  /** What a request is for; empty if no handler fits. */
  Optional<Found> find(HttpServletRequest request) {
    Map<String, Object> attributes = attributes(request);
    try {
      if (!ServletRequestPathUtils.hasParsedRequestPath(request)) {
        ServletRequestPathUtils.parseAndCache(request);
      }
      for (RequestMappingHandlerMapping mapping : mappings.orderedStream().toList()) {
        HandlerExecutionChain found = mapping.getHandler(request);
        if (found != null) {
          return Optional.of(found(request, found.getHandler()));
        }
      }
    } catch (Exception e) {
      log.atDebug().setCause(e).log("no handler fits; the dispatcher will say so");
    } finally {
      restore(request, attributes);
    }
    return Optional.empty();
  }

  private static Found found(HttpServletRequest request, Object handler) {
    HandlerMethod method = handler instanceof HandlerMethod found ? found : null;
    return new Found(
        request.getMethod() + " " + pattern(request),
        method != null && method.hasMethodAnnotation(Idempotent.class),
        method != null && DeclaredBranches.isDeclared(method.getMethod()));
  }

  private static String pattern(HttpServletRequest request) {
    return String.valueOf(request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE));
  }

  private static Map<String, Object> attributes(HttpServletRequest request) {
    Map<String, Object> found = new HashMap<>();
    for (String name : Collections.list(request.getAttributeNames())) {
      found.put(name, request.getAttribute(name));
    }
    return found;
  }

  private static void restore(HttpServletRequest request, Map<String, Object> attributes) {
    for (String name : Collections.list(request.getAttributeNames())) {
      if (!attributes.containsKey(name)) {
        request.removeAttribute(name);
      }
    }
    attributes.forEach(request::setAttribute);
  }

  @Override
  public void addInterceptors(InterceptorRegistry registry) {
    registry.addInterceptor(this);
  }

  @Override
  public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler)
      throws IOException {
    if (request.getHeader(KEY) != null
        || BranchFilter.isServing(request)
        || !(handler instanceof HandlerMethod method)) {
      return true;
    }
    @Nullable Idempotent idempotent = method.getMethodAnnotation(Idempotent.class);
    if (idempotent == null || !idempotent.required()) {
      return true;
    }
    ProblemDocument.answer(response, ServiceProblems.keyMissing());
    return false;
  }
}
