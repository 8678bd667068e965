package dev.tenon.rest;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.server.Route;
import dev.tenon.global.Participant;
import dev.tenon.invocation.Idempotent;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.transport.PortService;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.web.service.annotation.HttpExchange;

/**
 * Serves an annotated interface on the Tenon port: the same interface from which callers make their
 * clients.
 *
 * <p>Each call runs on a virtual thread, in the context of its caller. Parameters are
 * {@code @PathVariable}, {@code @RequestParam}, {@code @RequestHeader}, {@code @RequestBody} or an
 * {@link dev.tenon.transport.IncomingCall}. A result is answered as JSON with 200; none with 204;
 * an empty {@code Optional} with 404; a {@code ResponseEntity} as it says. A member of a body that
 * is not known here, a missing parameter and the like are answered with 400 and a problem document
 * that names it.
 *
 * <p>A {@link RestException}, or any of Spring's exceptions that carry a problem, is answered with
 * that problem; a {@link dev.tenon.invocation.CallException} with 502, 503 or 504; anything else is
 * logged and answered with 500, without a word of it.
 */
public final class RestService {
  private RestService() {}

  /**
   * Begins a service.
   *
   * @param api the interface
   * @param implementation what answers its calls; thread-safe
   * @param <T> the interface
   * @return a builder
   */
  public static <T> Builder<T> of(Class<T> api, T implementation) {
    return new Builder<>(api, implementation);
  }

  /**
   * Collects how the interface is to be served. Not thread-safe.
   *
   * @param <T> the interface
   */
  public static final class Builder<T> {
    private final Class<T> api;
    private final T implementation;
    private Optional<IdempotentReceiver> receiver = Optional.empty();
    private Optional<Participant> participant = Optional.empty();

    private Builder(Class<T> api, T implementation) {
      this.api = requireNonNull(api, "api");
      this.implementation = requireNonNull(implementation, "implementation");
    }

    /**
     * Where the answers of {@link Idempotent} methods are stored. Needed if there is one.
     *
     * @param value the receiver of this service's database
     * @return this
     */
    public Builder<T> idempotent(IdempotentReceiver value) {
      receiver = Optional.of(value);
      return this;
    }

    /**
     * Takes part in the distributed transactions that calls come under. An {@link Idempotent}
     * method, or one that declares its branch ({@link dev.tenon.global.Compensated}, {@link
     * dev.tenon.global.TryConfirmCancel}), may open one: it runs in one unit of work, and its
     * answer is stored under the transaction's step, whatever key the call has. Any other method
     * opens none; what it calls in turn goes on under the transaction. Without a participant the
     * transaction is passed over, and its starter learns that it cannot be committed.
     *
     * @param value the service's side of others' transactions
     * @return this
     */
    public Builder<T> participant(Participant value) {
      participant = Optional.of(value);
      return this;
    }

    /**
     * Makes it.
     *
     * @return what to give to the Tenon port
     * @throws IllegalArgumentException if a method of the interface cannot be served
     */
    public PortService build() {
      Map<Route, RestMethod> methods = new HashMap<>();
      for (Method method : api.getMethods()) {
        HttpExchange exchange =
            AnnotatedElementUtils.findMergedAnnotation(method, HttpExchange.class);
        if (exchange != null) {
          RestMethod served =
              RestMethod.of(
                  api, method, implementation, new RestMethod.Stores(receiver, participant));
          if (methods.put(served.route(), served) != null) {
            throw new IllegalArgumentException(
                "api: %s (expected: one method for each method and path): %s twice"
                    .formatted(api.getName(), served.route()));
          }
        }
      }
      if (methods.isEmpty()) {
        throw new IllegalArgumentException(
            "api: " + api.getName() + " (expected: methods with @HttpExchange)");
      }
      return PortService.of(methods.keySet(), new RestDispatcher(methods));
    }
  }

  /** The prefix that all of an interface's paths have. */
  static String prefix(Class<?> api) {
    HttpExchange exchange = AnnotatedElementUtils.findMergedAnnotation(api, HttpExchange.class);
    return exchange == null ? "" : exchange.url();
  }
}
