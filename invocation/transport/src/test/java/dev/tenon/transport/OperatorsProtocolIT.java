package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.Branch;
import dev.tenon.global.BranchKind;
import dev.tenon.global.OpenTransaction;
import dev.tenon.global.OpenTransaction.DecisionState;
import dev.tenon.global.OpenTransaction.SagaState;
import dev.tenon.global.OpenTransactions;
import dev.tenon.global.OperationRefusedException;
import dev.tenon.global.Operator;
import dev.tenon.global.Outcome;
import dev.tenon.global.Xid;
import dev.tenon.runtime.Json;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Uses the operators' paths as docs/protocol.md tells a stranger to. */
@Timeout(60)
class OperatorsProtocolIT {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final Xid XID =
      new Xid("order", "1f", START, START.plusSeconds(30), new UUID(7, 7));
  private static final UUID INSTANCE = new UUID(9, 9);
  private static final String SAID = "{\"who\": \"anna\", \"why\": \"the shelf is mended\"}";

  private final Fake transactions = new Fake();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private TenonPort port;

  /** Knows one transaction, and notes what it is told. */
  private static final class Fake implements OpenTransactions {
    final List<String> told = new ArrayList<>();
    @Nullable OperationRefusedException refusal;
    @Nullable Page asked;

    @Override
    public List<OpenTransaction> list(Page page) {
      asked = page;
      return List.of(known());
    }

    @Override
    public List<OpenTransaction> find(List<Xid> xids) {
      return xids.contains(XID) ? List.of(known()) : List.of();
    }

    @Override
    public Optional<Xid> resolve(UUID id) {
      return id.equals(XID.id()) ? Optional.of(XID) : Optional.empty();
    }

    @Override
    public void retry(Part part, Operator operator) {
      tell("retry", part, operator);
    }

    @Override
    public void skip(Part part, Operator operator) {
      tell("skip", part, operator);
    }

    @Override
    public void force(Part part, Outcome outcome, Operator operator) {
      tell("force " + outcome, part, operator);
    }

    private void tell(String what, Part part, Operator operator) {
      if (refusal != null) {
        throw refusal;
      }
      told.add(what + " " + part.step() + ": " + operator.who() + ": " + operator.why());
    }

    private static OpenTransaction known() {
      return new OpenTransaction(
          XID,
          "order",
          Optional.of(
              new OpenTransaction.DecisionPart(
                  Outcome.COMMITTED,
                  START.plusSeconds(1),
                  DecisionState.PROBLEM,
                  List.of(new Branch("stock", new UUID(8, 8), BranchKind.TCC, "1")),
                  new OpenTransaction.Telling(
                      3,
                      Optional.of(START.plusSeconds(9)),
                      Optional.of(INSTANCE),
                      true,
                      Optional.of("stock/1 LOST")))),
          Optional.of(
              new OpenTransaction.SagaPart(
                  "place",
                  "17",
                  SagaState.PARKED,
                  new OpenTransaction.Run(
                      true, Optional.empty(), false, Optional.empty(), Optional.empty(), 0),
                  List.of("take"),
                  Optional.of("no mail"))),
          List.of(
              new OpenTransaction.BranchPart(
                  "note",
                  Optional.of(new UUID(6, 6)),
                  Optional.of(
                      new OpenTransaction.What(BranchKind.SAGA, "note", "order", "POST /notes")),
                  OpenTransaction.State.OPEN,
                  new OpenTransaction.Progress(
                      START, Optional.empty(), Optional.of(START), 2, 0, Optional.empty()))),
          List.of(
              new OpenTransaction.Action(
                  START.plusSeconds(4),
                  new Operator("bert", "it hung"),
                  "retry",
                  Optional.empty(),
                  "told 2 times")));
    }
  }

  @BeforeEach
  void open() {
    port =
        TenonPort.builder(ServiceIdentity.development("order"))
            .graceLimit(Duration.ofSeconds(1))
            .open();
    port.serve(
        List.of(
            OperatorsPortService.of(transactions, Set.of("console"), () -> START.plusSeconds(10))));
  }

  @AfterEach
  void close() {
    port.close();
    client.shutdownNow();
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(
            URI.create("http://" + port.address() + OperatorsPortService.TRANSACTIONS + path))
        .header("content-type", "application/json")
        .header("tenon-service", "console");
  }

  private HttpRequest post(String path, String body) {
    return to(path).POST(HttpRequest.BodyPublishers.ofString(body)).build();
  }

  private JsonNode answer(int status, HttpRequest request) throws Exception {
    HttpResponse<byte[]> response = client.send(request, BodyHandlers.ofByteArray());
    assertThat(response.statusCode())
        .as(new String(response.body(), StandardCharsets.UTF_8))
        .isEqualTo(status);
    return Json.mapper().readTree(response.body());
  }

  @Test
  void tellsAllThatIsKnownOfATransaction() throws Exception {
    JsonNode shown = answer(200, to("/" + XID.text()).build());

    assertThat(shown)
        .isEqualTo(
            Json.mapper()
                .readTree(
                    """
                    {"xid": "%s", "service": "order", "starter": "order",
                     "startedAt": "2026-01-01T00:00:00Z", "deadline": "2026-01-01T00:00:30Z",
                     "ageMillis": 10000,
                     "decision": {"outcome": "COMMITTED", "state": "PROBLEM",
                       "decidedAt": "2026-01-01T00:00:01Z", "waitsFor": "a person",
                       "branches": [{"service": "stock", "step": "1",
                         "branch": "00000000-0000-0008-0000-000000000008", "kind": "TCC"}],
                       "attempts": 3, "nextAt": "2026-01-01T00:00:09Z",
                       "owner": "00000000-0000-0009-0000-000000000009", "ownerAlive": true,
                       "problem": "stock/1 LOST"},
                     "saga": {"type": "place", "id": "17", "state": "PARKED", "committed": true,
                       "waitsFor": "a person", "steps": ["take"], "ownerAlive": false,
                       "attempts": 0, "error": "no mail"},
                     "branches": [{"step": "note",
                       "branch": "00000000-0000-0006-0000-000000000006", "kind": "SAGA",
                       "type": "note", "caller": "order", "operation": "POST /notes",
                       "state": "OPEN", "waitsFor": "service order",
                       "openedAt": "2026-01-01T00:00:00Z", "nextAt": "2026-01-01T00:00:00Z",
                       "asked": 2, "attempts": 0}],
                     "actions": [{"at": "2026-01-01T00:00:04Z", "who": "bert", "why": "it hung",
                       "action": "retry", "found": "told 2 times"}]}
                    """
                        .formatted(XID.text())));
    assertThat(answer(200, to("/" + XID.id()).build())).isEqualTo(shown);
  }

  @Test
  void listsByPage() throws Exception {
    JsonNode page = answer(200, to("?filter=in-doubt&limit=1&after=" + XID.text()).build());

    assertThat(transactions.asked)
        .isEqualTo(new OpenTransactions.Page(OpenTransactions.Filter.IN_DOUBT, 1, XID));
    assertThat(page.path("transactions").size()).isEqualTo(1);
    assertThat(page.path("next").stringValue()).isEqualTo(XID.text());
    assertThat(answer(200, to("").build()).has("next")).isFalse();
    assertThat(transactions.asked)
        .isEqualTo(OpenTransactions.Page.first(OpenTransactions.Filter.ALL, 100));
  }

  @Test
  void recordsThePersonAndTheCaller() throws Exception {
    String forced =
        "{\"who\": \"anna\", \"why\": \"gone\", \"step\": \"1\", \"outcome\": \"ABORTED\"}";

    answer(200, post("/" + XID.text() + "/retry", SAID));
    answer(200, post("/" + XID.id() + "/skip", SAID));
    JsonNode after = answer(200, post("/" + XID.text() + "/force", forced));

    assertThat(transactions.told)
        .containsExactly(
            "retry null: anna (as console): the shelf is mended",
            "skip null: anna (as console): the shelf is mended",
            "force ABORTED 1: anna (as console): gone");
    assertThat(after.path("xid").stringValue()).isEqualTo(XID.text());
  }

  @Test
  void refusesWhoIsNoOperator() throws Exception {
    HttpRequest stranger =
        to("/" + XID.text() + "/retry")
            .setHeader("tenon-service", "stock")
            .POST(HttpRequest.BodyPublishers.ofString(SAID))
            .build();
    HttpRequest nobody =
        HttpRequest.newBuilder(
                URI.create("http://" + port.address() + OperatorsPortService.TRANSACTIONS))
            .build();

    assertThat(answer(403, stranger).path("reason").stringValue()).isEqualTo("forbidden");
    assertThat(answer(401, nobody).path("reason").stringValue()).isEqualTo("unauthenticated");
    assertThat(transactions.told).isEmpty();
    assertThat(transactions.asked).isNull();
  }

  @Test
  void saysWhyAChangeIsRefused() throws Exception {
    for (OperationRefusedException.Reason reason : OperationRefusedException.Reason.values()) {
      transactions.refusal = new OperationRefusedException(reason, "it is so");
      int status = reason == OperationRefusedException.Reason.UNKNOWN ? 404 : 409;

      JsonNode problem = answer(status, post("/" + XID.text() + "/retry", SAID));

      assertThat(problem.path("detail").stringValue()).isEqualTo("it is so");
      assertThat(problem.path("reason").stringValue())
          .isEqualTo(
              switch (reason) {
                case UNKNOWN -> "unknown-transaction";
                case NOT_POSSIBLE -> "not-possible";
                case BUSY -> "busy";
              });
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          GET  | ?filter=some                                   |  | filter
          GET  | ?limit=0                                       |  | 1..1000
          GET  | ?limit=1001                                    |  | 1..1000
          GET  | ?limit=-1                                      |  | limit
          GET  | ?after=x                                       |  | xid
          GET  | /nonsense                                      |  | xid
          GET  | /xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx          |  | UUID
          POST | /ID/retry    | nonsense | body
          POST | /ID/retry    | {} | who
          POST | /ID/retry    | {"who": "anna"} | why
          POST | /ID/retry    | {"who": " ", "why": "x"} | who
          POST | /ID/retry    | {"who": "a", "why": " "} | why
          POST | /ID/skip     | {"who": "a", "why": "b", "step": 1} | step
          POST | /ID/skip     | {"who": "a", "why": "b", "step": "/"} | step
          POST | /ID/force    | {"who": "a", "why": "b"} | outcome
          POST | /ID/force    | {"who": "a", "why": "b", "outcome": "NO"} | outcome
          """)
  void refusesWhatIsWrongByName(String method, String path, @Nullable String body, String says)
      throws Exception {
    String to = path.replace("ID", XID.id().toString());
    HttpRequest request = method.equals("GET") ? to(to).build() : post(to, String.valueOf(body));

    JsonNode problem = answer(400, request);

    assertThat(problem.path("reason").stringValue()).isEqualTo("invalid");
    assertThat(problem.path("detail").stringValue()).contains(says);
    assertThat(transactions.told).isEmpty();
  }

  @Test
  void knowsNothingOfOthers() throws Exception {
    assertThat(answer(404, to("/" + new UUID(1, 1)).build()).path("reason").stringValue())
        .isEqualTo("unknown-transaction");
    String other = XID.text().replace("order", "other");
    assertThat(answer(404, to("/" + other).build()).path("detail").stringValue())
        .contains("knows of");
  }

  @Test
  void boundsWhatIsSaid() throws Exception {
    String endless = "x".repeat(Operator.WHY_LENGTH_MAX + 1);

    JsonNode problem =
        answer(
            400,
            post("/" + XID.text() + "/retry", "{\"who\": \"anna\", \"why\": \"" + endless + "\"}"));

    assertThat(problem.path("detail").stringValue()).contains("why: 2001 characters");
  }
}
