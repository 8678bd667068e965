package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.QueryParams;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.global.OpenTransaction;
import dev.tenon.global.OpenTransactions;
import dev.tenon.global.OpenTransactions.Filter;
import dev.tenon.global.OpenTransactions.Page;
import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.OperationRefusedException;
import dev.tenon.global.Operator;
import dev.tenon.global.Outcome;
import dev.tenon.global.Xid;
import dev.tenon.invocation.Problem;
import dev.tenon.runtime.Json;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What operators see and do about a service's distributed transactions, on the Tenon port. Only the
 * callers that were named as operators are answered; what they do is recorded under the name that
 * they give, and their own.
 */
public final class OperatorsPortService {
  /** Where transactions that have not ended are listed. */
  public static final String TRANSACTIONS = "/tenon/global/v1/transactions";

  private static final String ONE = TRANSACTIONS + "/{xid}";
  private static final String RETRY = ONE + "/retry";
  private static final String SKIP = ONE + "/skip";
  private static final String FORCE = ONE + "/force";
  private static final int LIMIT_DEFAULT = 100;
  private static final int UUID_LENGTH = 36;

  private final OpenTransactions transactions;
  private final Set<String> operators;
  private final InstantSource clock;

  private OperatorsPortService(
      OpenTransactions transactions, Set<String> operators, InstantSource clock) {
    this.transactions = requireNonNull(transactions, "transactions");
    this.operators = Set.copyOf(operators);
    this.clock = requireNonNull(clock, "clock");
  }

  /**
   * Serves operators.
   *
   * @param transactions what they see and do
   * @param operators the callers that are operators; all others are refused
   * @param clock the time of day, for ages
   * @return what to give to the Tenon port
   */
  public static PortService of(
      OpenTransactions transactions, Set<String> operators, InstantSource clock) {
    OperatorsPortService served = new OperatorsPortService(transactions, operators, clock);
    Map<Route, HttpService> all = new LinkedHashMap<>();
    all.put(route(HttpMethod.GET, TRANSACTIONS), served.serving((c, who, body) -> served.list(c)));
    all.put(route(HttpMethod.GET, ONE), served.serving((c, who, body) -> served.show(c)));
    all.put(route(HttpMethod.POST, RETRY), served.serving(served::retry));
    all.put(route(HttpMethod.POST, SKIP), served.serving(served::skip));
    all.put(route(HttpMethod.POST, FORCE), served.serving(served::force));
    return PortService.of(
        all.keySet(),
        (context, request) ->
            requireNonNull(all.get(context.config().route())).serve(context, request));
  }

  private static Route route(HttpMethod method, String path) {
    return Route.builder().path(path).methods(method).build();
  }

  private HttpService serving(WholeRequests.Operation operation) {
    return WholeRequests.serving(
        (context, caller, body) -> {
          if (!operators.contains(caller)) {
            throw new ProblemException(
                Problems.forbidden(
                    "caller: " + caller + " (expected: one that this service has as operator)"));
          }
          try {
            return operation.answer(context, caller, body);
          } catch (OperationRefusedException e) {
            throw new ProblemException(refusal(e));
          }
        });
  }

  private static Problem refusal(OperationRefusedException e) {
    String detail = String.valueOf(e.getMessage());
    return switch (e.reason()) {
      case UNKNOWN -> unknown(detail);
      case NOT_POSSIBLE -> Problem.of(409, "not-possible", detail);
      case BUSY -> Problem.of(409, "busy", detail);
    };
  }

  private static Problem unknown(String detail) {
    return Problem.of(404, "unknown-transaction", detail);
  }

  private byte[] list(ServiceRequestContext context) {
    QueryParams query = QueryParams.fromQueryString(context.query());
    String after = query.get("after");
    Page page =
        new Page(
            filter(query.get("filter", "all")),
            limit(query.get("limit", String.valueOf(LIMIT_DEFAULT))),
            after == null ? null : Xid.parse(after));
    List<OpenTransaction> found = transactions.list(page);
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("transactions", TransactionJson.of(found, clock.instant()));
    if (found.size() == page.most()) {
      members.put("next", found.getLast().xid().text());
    }
    return Json.write(members);
  }

  private static Filter filter(String text) {
    return switch (text) {
      case "all" -> Filter.ALL;
      case "in-doubt" -> Filter.IN_DOUBT;
      case "parked" -> Filter.PARKED;
      default -> throw Requests.wrong("filter", shown(text), "all, in-doubt or parked");
    };
  }

  private static int limit(String text) {
    if (!text.matches("[0-9]{1,4}") || Integer.parseInt(text) > OpenTransactions.LIST_MAX) {
      throw Requests.wrong("limit", shown(text), "1.." + OpenTransactions.LIST_MAX);
    }
    return Integer.parseInt(text);
  }

  private static String shown(String text) {
    return text.length() + " characters";
  }

  private byte[] show(ServiceRequestContext context) {
    return shown(xid(context));
  }

  private byte[] shown(Xid xid) {
    OpenTransaction one = transactions.find(xid).orElseThrow(() -> nothingOf(xid.text()));
    return Json.write(TransactionJson.of(one, clock.instant()));
  }

  private static ProblemException nothingOf(String xid) {
    return new ProblemException(
        unknown("xid: " + xid + " (expected: a transaction that this service knows of)"));
  }

  /** The whole xid, or its random id alone. */
  private Xid xid(ServiceRequestContext context) {
    String text = requireNonNull(context.pathParam("xid"));
    if (text.length() != UUID_LENGTH) {
      return Xid.parse(text);
    }
    UUID id;
    try {
      id = UUID.fromString(text);
    } catch (IllegalArgumentException e) {
      throw Requests.wrong("xid", shown(text), "an xid, or the UUID at its end");
    }
    return transactions.resolve(id).orElseThrow(() -> nothingOf(text));
  }

  private byte[] retry(ServiceRequestContext context, String caller, byte[] body) {
    JsonNode said = Requests.object(body);
    Operator operator = operator(said, caller);
    Part part = part(context, said);
    transactions.retry(part, operator);
    return shown(part.xid());
  }

  private byte[] skip(ServiceRequestContext context, String caller, byte[] body) {
    JsonNode said = Requests.object(body);
    Operator operator = operator(said, caller);
    Part part = part(context, said);
    transactions.skip(part, operator);
    return shown(part.xid());
  }

  private byte[] force(ServiceRequestContext context, String caller, byte[] body) {
    JsonNode said = Requests.object(body);
    Operator operator = operator(said, caller);
    Outcome outcome =
        switch (Requests.text(said, "outcome")) {
          case "COMMITTED" -> Outcome.COMMITTED;
          case "ABORTED" -> Outcome.ABORTED;
          default -> throw Requests.wrong("outcome", "another", "COMMITTED or ABORTED");
        };
    Part part = part(context, said);
    transactions.force(part, outcome, operator);
    return shown(part.xid());
  }

  private static Operator operator(JsonNode said, String caller) {
    String who = Requests.text(said, "who");
    String why = Requests.text(said, "why");
    if (who.isBlank()) {
      throw Requests.wrong("who", "blank", "a person's name");
    }
    return new Operator(who + " (as " + caller + ")", why);
  }

  private Part part(ServiceRequestContext context, JsonNode said) {
    Xid xid = xid(context);
    @Nullable String step = said.hasNonNull("step") ? Requests.text(said, "step") : null;
    return new Part(xid, step);
  }
}
