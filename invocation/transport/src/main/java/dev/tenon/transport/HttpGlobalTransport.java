package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.RequestHeaders;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalEndpoint;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.GlobalTransportException;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Carries phase two over the Tenon ports, to any instance of the other service; all of it may be
 * repeated. What a service says to itself does not leave the process. Thread-safe.
 */
public final class HttpGlobalTransport implements GlobalTransport {
  private static final int FIRST_PROBLEM = 400;

  private final ServiceClient client;
  private final String service;
  private volatile @Nullable GlobalEndpoint own;

  private HttpGlobalTransport(ServiceClient client, String service) {
    this.client = requireNonNull(client, "client");
    this.service = requireNonNull(service, "service");
  }

  /**
   * A transport that calls through a service client.
   *
   * @param client what sends the requests
   * @param service the service whose client it is
   * @return the transport
   */
  public static HttpGlobalTransport of(ServiceClient client, String service) {
    return new HttpGlobalTransport(client, service);
  }

  /**
   * Names what answers the service itself, so that it needs no address of its own.
   *
   * @param endpoint the service's distributed transactions
   */
  public void answerSelf(GlobalEndpoint endpoint) {
    own = requireNonNull(endpoint, "endpoint");
  }

  @Override
  public List<OrderResult> finish(String participant, List<BranchOrder> orders) {
    Optional<GlobalEndpoint> self = self(participant);
    if (self.isPresent()) {
      return answered(participant, () -> self.get().finish(service, orders));
    }
    return send(
        participant,
        GlobalPortService.FINISH,
        GlobalMessages.orders(orders),
        body -> GlobalMessages.readResults(body, orders.size()));
  }

  @Override
  public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
    Optional<GlobalEndpoint> self = self(starter);
    if (self.isPresent()) {
      return answered(starter, () -> self.get().inquire(service, questions));
    }
    return send(
        starter,
        GlobalPortService.INQUIRE,
        GlobalMessages.questions(questions),
        body -> GlobalMessages.readAnswers(body, questions.size()));
  }

  private Optional<GlobalEndpoint> self(String other) {
    return other.equals(service) ? Optional.ofNullable(own) : Optional.empty();
  }

  private static <T> T answered(String service, java.util.function.Supplier<T> endpoint) {
    try {
      return endpoint.get();
    } catch (RuntimeException e) {
      throw failed(service, e);
    }
  }

  private <T> T send(String other, String path, byte[] body, Function<byte[], T> reader) {
    Target target = new Target(other, path);
    CallRequest request =
        CallRequest.of(
            target,
            Repeatable.ALWAYS,
            RequestHeaders.builder(HttpMethod.POST, path).contentType(MediaType.JSON).build(),
            HttpData.wrap(body));
    CallAnswer answer = await(other, outside(request));
    byte[] content = answer.response().content().array();
    int status = answer.response().status().code();
    if (status >= FIRST_PROBLEM) {
      throw failed(
          other,
          new RemoteProblemException(target, answer.attempts(), Problem.read(status, content)));
    }
    try {
      return reader.apply(content);
    } catch (IllegalArgumentException e) {
      throw failed(other, e);
    }
  }

  /** Neither the deadline nor the transaction of what this thread happens to do counts for it. */
  private CompletableFuture<CallAnswer> outside(CallRequest request) {
    var sent =
        new Object() {
          @Nullable CompletableFuture<CallAnswer> answer;
        };
    CallContext.EMPTY.run(() -> sent.answer = client.callOutside(request));
    return requireNonNull(sent.answer);
  }

  private static CallAnswer await(String service, CompletableFuture<CallAnswer> call) {
    try {
      return call.get();
    } catch (InterruptedException e) {
      call.cancel(true);
      Thread.currentThread().interrupt();
      throw failed(service, e);
    } catch (ExecutionException e) {
      throw failed(service, e.getCause() == null ? e : e.getCause());
    }
  }

  private static GlobalTransportException failed(String service, Throwable cause) {
    return new GlobalTransportException(
        "Could not reach a service about distributed transactions [service=%s]: %s"
            .formatted(service, cause.getMessage()),
        cause);
  }
}
