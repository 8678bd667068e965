package dev.tenon.transport;

import dev.tenon.global.Outcome;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.runtime.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Writes and reads the bodies of phase two. What is wrong with one is told by field. */
final class GlobalMessages {
  /** The most characters of a signed xid. */
  static final int XID_LENGTH_MAX = 1024;

  private static final String ORDERS = "orders";
  private static final String QUESTIONS = "questions";
  private static final String RESULTS = "results";
  private static final String ANSWERS = "answers";
  private static final String XID = "xid";
  private static final String STEP = "step";
  private static final String BRANCH = "branch";
  private static final String OUTCOME = "outcome";

  private GlobalMessages() {}

  static byte[] orders(List<BranchOrder> orders) {
    return list(ORDERS, orders, GlobalMessages::order);
  }

  static byte[] questions(List<BranchQuestion> questions) {
    return list(
        QUESTIONS,
        questions,
        question -> Map.of(XID, question.xid(), BRANCH, question.branch().toString()));
  }

  static byte[] results(List<OrderResult> results) {
    return list(RESULTS, results, OrderResult::name);
  }

  static byte[] answers(List<BranchAnswer> answers) {
    return list(ANSWERS, answers, BranchAnswer::name);
  }

  /**
   * Reads orders.
   *
   * @throws ProblemException 400 with the field that is wrong
   */
  static List<BranchOrder> readOrders(byte[] body) {
    return readList(body, ORDERS, GlobalMessages::readOrder);
  }

  /**
   * Reads questions.
   *
   * @throws ProblemException 400 with the field that is wrong
   */
  static List<BranchQuestion> readQuestions(byte[] body) {
    return readList(
        body, QUESTIONS, node -> new BranchQuestion(xid(node), uuid(Requests.text(node, BRANCH))));
  }

  /**
   * Reads an answer.
   *
   * @throws IllegalArgumentException if it is none, or not for as many as were asked
   */
  static List<OrderResult> readResults(byte[] body, int expected) {
    return readAnswer(body, RESULTS, OrderResult::valueOf, expected);
  }

  /**
   * Reads an answer.
   *
   * @throws IllegalArgumentException if it is none, or not for as many as were asked
   */
  static List<BranchAnswer> readAnswers(byte[] body, int expected) {
    return readAnswer(body, ANSWERS, BranchAnswer::valueOf, expected);
  }

  private static <T> byte[] list(String name, List<T> values, Function<T, Object> writer) {
    return Json.write(Map.of(name, values.stream().map(writer).toList()));
  }

  private static Map<String, Object> order(BranchOrder order) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put(XID, order.xid());
    members.put(STEP, order.step());
    UUID branch = order.branch();
    if (branch != null) {
      members.put(BRANCH, branch.toString());
    }
    members.put(OUTCOME, order.outcome().name());
    return members;
  }

  private static <T> List<T> readList(byte[] body, String name, Function<JsonNode, T> reader) {
    JsonNode array = Requests.array(Requests.object(body), name);
    if (array.size() > GlobalTransport.BATCH_MAX) {
      throw Requests.wrong(name, array.size() + " of them", "at most " + GlobalTransport.BATCH_MAX);
    }
    List<T> read = new ArrayList<>();
    for (JsonNode each : array) {
      read.add(reader.apply(each));
    }
    return read;
  }

  private static BranchOrder readOrder(JsonNode node) {
    JsonNode branch = node.path(BRANCH);
    boolean known = !branch.isMissingNode() && !branch.isNull();
    String outcome = Requests.text(node, OUTCOME);
    Outcome read =
        switch (outcome) {
          case "COMMITTED" -> Outcome.COMMITTED;
          case "ABORTED" -> Outcome.ABORTED;
          default -> throw Requests.wrong(OUTCOME, shown(outcome), "COMMITTED or ABORTED");
        };
    @Nullable UUID id = known ? uuid(Requests.text(node, BRANCH)) : null;
    if (id == null && read != Outcome.ABORTED) {
      throw Requests.wrong(BRANCH, "missing", "the branch's id, as it is to be committed");
    }
    return new BranchOrder(xid(node), Requests.text(node, STEP), id, read);
  }

  private static String xid(JsonNode node) {
    String xid = Requests.text(node, XID);
    if (xid.length() > XID_LENGTH_MAX) {
      throw Requests.wrong(XID, xid.length() + " characters", "at most " + XID_LENGTH_MAX);
    }
    return xid;
  }

  private static UUID uuid(String text) {
    try {
      return UUID.fromString(text);
    } catch (IllegalArgumentException e) {
      throw Requests.wrong(BRANCH, shown(text), "a UUID");
    }
  }

  private static String shown(String text) {
    return text.length() + " characters";
  }

  private static <T> List<T> readAnswer(
      byte[] body, String name, Function<String, T> reader, int expected) {
    JsonNode array;
    try {
      array = Json.mapper().readTree(body).path(name);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("answer: not JSON (expected: " + name + ")", e);
    }
    if (!array.isArray() || array.size() != expected) {
      throw new IllegalArgumentException(
          name + ": " + array.size() + " (expected: an array of " + expected + ")");
    }
    List<T> read = new ArrayList<>();
    for (JsonNode each : array) {
      read.add(reader.apply(each.asString("")));
    }
    return read;
  }
}
