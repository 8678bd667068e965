package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import dev.tenon.invocation.UnknownOutcomeException;
import dev.tenon.invocation.UnknownOutcomeException.Reason;
import dev.tenon.transport.CallAnswer;
import dev.tenon.transport.CallRequest;
import dev.tenon.transport.ServiceClient;
import java.lang.reflect.Type;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ResponseEntity;
import org.springframework.web.service.invoker.HttpExchangeAdapter;
import org.springframework.web.service.invoker.HttpRequestValues;
import org.springframework.web.util.DefaultUriBuilderFactory;
import org.springframework.web.util.UriBuilderFactory;

/** Carries out the requests of one service's typed client. Thread-safe. */
final class ServiceExchange implements HttpExchangeAdapter {
  private static final int FIRST_PROBLEM = 400;
  private static final UriBuilderFactory PATHS = new DefaultUriBuilderFactory();

  private final ServiceClient client;
  private final Map<Type, Bodies.Reader> readers =
      new ConcurrentHashMap<>(); // an interface's types
  private final Map<String, String> plainPaths = new ConcurrentHashMap<>(); // and its templates

  ServiceExchange(ServiceClient client) {
    this.client = client;
  }

  @Override
  public boolean supportsRequestAttributes() {
    return true;
  }

  @Override
  public void exchange(HttpRequestValues values) {
    var unused = send(values);
  }

  @Override
  public HttpHeaders exchangeForHeaders(HttpRequestValues values) {
    return headers(send(values).response());
  }

  @Override
  public <T> @Nullable T exchangeForBody(
      HttpRequestValues values, ParameterizedTypeReference<T> type) {
    return body(target(values), send(values), type);
  }

  @Override
  public ResponseEntity<Void> exchangeForBodilessEntity(HttpRequestValues values) {
    AggregatedHttpResponse response = send(values).response();
    return new ResponseEntity<>(headers(response), status(response));
  }

  @Override
  public <T> ResponseEntity<T> exchangeForEntity(
      HttpRequestValues values, ParameterizedTypeReference<T> type) {
    CallAnswer answer = send(values);
    AggregatedHttpResponse response = answer.response();
    return new ResponseEntity<>(
        body(target(values), answer, type), headers(response), status(response));
  }

  private CallAnswer send(HttpRequestValues values) {
    Target target = target(values);
    CallAnswer answer = await(client.call(request(target, values)), target);
    int status = answer.response().status().code();
    if (status >= FIRST_PROBLEM) {
      throw new RemoteProblemException(
          target, answer.attempts(), Problem.read(status, answer.response().content().array()));
    }
    return answer;
  }

  private static CallAnswer await(CompletableFuture<CallAnswer> call, Target target) {
    try {
      return call.get();
    } catch (InterruptedException e) {
      call.cancel(true);
      Thread.currentThread().interrupt();
      throw new UnknownOutcomeException(
          target, 1, Reason.BROKEN, "the caller was interrupted. It may have been done.", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CallException failure) {
        failure.addSuppressed(new CallSite(target));
        throw failure;
      }
      throw new UnknownOutcomeException(
          target,
          1,
          Reason.BROKEN,
          "the client failed: " + e.getCause() + ". It may have been done.",
          e);
    }
  }

  private static Target target(HttpRequestValues values) {
    if (values.getAttributes().get(RestClients.TARGET) instanceof Target target) {
      return target;
    }
    throw new IllegalStateException("target: none (expected: one, of the called method)");
  }

  private CallRequest request(Target target, HttpRequestValues values) {
    HttpMethod method =
        HttpMethod.valueOf(values.getHttpMethod() == null ? "GET" : values.getHttpMethod().name());
    RequestHeadersBuilder headers = RequestHeaders.builder(method, path(values));
    values.getHeaders().forEach((name, all) -> headers.add(name, all));
    values
        .getCookies()
        .forEach((name, all) -> all.forEach(value -> headers.add("cookie", name + "=" + value)));
    Object body = values.getBodyValue();
    HttpData data = HttpData.empty();
    if (body != null) {
      data = HttpData.wrap(Bodies.write(body));
      if (headers.contentType() == null) {
        headers.contentType(Bodies.typeOf(body));
      }
    }
    boolean repeatable =
        switch (method) {
          case GET, HEAD, PUT, DELETE, OPTIONS, TRACE -> true;
          default -> headers.contains(CallHeaders.IDEMPOTENCY_KEY);
        };
    return CallRequest.of(
        target, repeatable ? Repeatable.ALWAYS : Repeatable.IF_NOT_SENT, headers.build(), data);
  }

  private String path(HttpRequestValues values) {
    URI uri = values.getUri();
    String template = values.getUriTemplate();
    if (uri == null && values.getUriBuilderFactory() == null && isPlain(template)) {
      String path = plainPaths.get(template);
      if (path != null) {
        return path;
      }
      path = path(expand(values, template));
      plainPaths.put(template, path);
      return path;
    }
    return path(uri == null ? expand(values, template) : uri);
  }

  /** Whether it always expands to the same. */
  private static boolean isPlain(@Nullable String template) {
    return template != null && template.indexOf('{') < 0;
  }

  private static URI expand(HttpRequestValues values, @Nullable String template) {
    UriBuilderFactory factory = values.getUriBuilderFactory();
    return (factory == null ? PATHS : factory)
        .expand(template == null ? "" : template, values.getUriVariables());
  }

  private static String path(URI uri) {
    String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    return uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery();
  }

  private <T> @Nullable T body(
      Target target, CallAnswer answer, ParameterizedTypeReference<T> type) {
    byte[] content = answer.response().content().array();
    if (content.length == 0) {
      return null;
    }
    try {
      return reader(type.getType()).read(content);
    } catch (IllegalArgumentException e) {
      throw new UnknownOutcomeException(
          target,
          answer.attempts(),
          Reason.BROKEN,
          "its answer could not be read: " + e.getMessage() + ". It was done.",
          e);
    }
  }

  private Bodies.Reader reader(Type type) {
    Bodies.Reader known = readers.get(type);
    return known == null ? readers.computeIfAbsent(type, Bodies::reader) : known;
  }

  private static HttpStatusCode status(AggregatedHttpResponse response) {
    return HttpStatusCode.valueOf(response.status().code());
  }

  private static HttpHeaders headers(AggregatedHttpResponse response) {
    HttpHeaders headers = new HttpHeaders();
    response
        .headers()
        .forEach(
            (name, value) -> {
              if (name.charAt(0) != ':') {
                headers.add(name.toString(), value);
              }
            });
    return headers;
  }

  /** The stack of the caller, which the failure of an asynchronous call lacks. */
  private static final class CallSite extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CallSite(Target target) {
      super("called here [service=" + target.service() + "]");
    }
  }
}
