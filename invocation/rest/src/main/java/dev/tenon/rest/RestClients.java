package dev.tenon.rest;

import static java.util.Objects.requireNonNull;

import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.Target;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.transport.ServiceClient;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.convert.support.DefaultConversionService;
import org.springframework.web.service.invoker.HttpRequestValues;
import org.springframework.web.service.invoker.HttpServiceProxyFactory;

/**
 * Makes typed clients of other services from interfaces whose methods carry {@code @GetExchange},
 * {@code @PostExchange} and their like.
 *
 * <p>A call blocks its thread until the answer is there, at most for the policy's timeout. It is
 * sent again when the callee has certainly done nothing, and also when that is unknown if its
 * method is {@code GET}, {@code HEAD}, {@code PUT}, {@code DELETE} or {@code OPTIONS}, is {@link
 * Idempotent} (each call then gets a key of its own) or is given an {@code Idempotency-Key} header.
 * An answer from 400 on is thrown as a {@link dev.tenon.invocation.RemoteProblemException}; what
 * else goes wrong as another {@link dev.tenon.invocation.CallException}. An interrupt gives the
 * call up. Clients are thread-safe.
 */
public final class RestClients {
  static final String TARGET = "dev.tenon.rest.target";

  private final ServiceClient client;
  private final IdGenerator ids;

  private RestClients(ServiceClient client, IdGenerator ids) {
    this.client = requireNonNull(client, "client");
    this.ids = requireNonNull(ids, "ids");
  }

  /**
   * Clients that call through a service client.
   *
   * @param client what sends the requests
   * @param ids where idempotency keys come from
   * @return the maker of clients
   */
  public static RestClients of(ServiceClient client, IdGenerator ids) {
    return new RestClients(client, ids);
  }

  /**
   * Makes a client of a service.
   *
   * @param service the service's name
   * @param api the interface
   * @param <T> the interface
   * @return the client; no connection is made yet
   * @throws IllegalArgumentException if a method of the interface cannot be a call
   */
  public <T> T client(String service, Class<T> api) {
    try {
      return HttpServiceProxyFactory.builderFor(new ServiceExchange(client))
          .conversionService(new DefaultConversionService())
          .httpRequestValuesProcessor(new Describing(service, ids))
          .build()
          .createClient(api);
    } catch (IllegalStateException e) {
      throw new IllegalArgumentException(
          "api: %s (expected: methods with @HttpExchange): %s"
              .formatted(api.getName(), e.getMessage()),
          e);
    }
  }

  /** Adds to a request what its method says. Each method is looked at once. */
  private static final class Describing implements HttpRequestValues.Processor {
    private final String service;
    private final IdGenerator ids;
    private final Map<Method, Described> known = new ConcurrentHashMap<>(); // of one interface

    private record Described(Target target, boolean idempotent) {}

    Describing(String service, IdGenerator ids) {
      this.service = service;
      this.ids = ids;
    }

    @Override
    public void process(
        Method method,
        MethodParameter[] parameters,
        Object[] arguments,
        HttpRequestValues.Builder request) {
      Described described = known.get(method);
      if (described == null) {
        described = known.computeIfAbsent(method, this::describe);
      }
      request.addAttribute(TARGET, described.target());
      if (described.idempotent()) {
        request.configureHeaders(
            headers -> {
              if (!headers.containsHeader(CallHeaders.IDEMPOTENCY_KEY)) {
                headers.set(CallHeaders.IDEMPOTENCY_KEY, '"' + ids.next().toString() + '"');
              }
            });
      }
    }

    private Described describe(Method method) {
      return new Described(
          new Target(service, method.getDeclaringClass().getSimpleName() + "." + method.getName()),
          AnnotatedElementUtils.hasAnnotation(method, Idempotent.class));
    }
  }
}
