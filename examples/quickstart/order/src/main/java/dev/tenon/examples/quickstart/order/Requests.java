package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Item;
import dev.tenon.examples.quickstart.messages.Refusals;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.runtime.Json;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;

/** What requests of both kinds have in common. */
final class Requests {
  private Requests() {}

  /** Tells a repeated request from another one under the same number. */
  static String hash(Object request) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(Json.write(request)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Adds up lines of one product. */
  static <L> List<Item> items(
      Stream<L> lines, Function<L, String> product, ToIntFunction<L> quantity) {
    Map<String, Integer> sums =
        lines.collect(Collectors.groupingBy(product, Collectors.summingInt(quantity)));
    return sums.entrySet().stream()
        .map(sum -> new Item(sum.getKey(), sum.getValue()))
        .sorted(Comparator.comparing(Item::stockCode))
        .toList();
  }

  /** The reason of a service that was asked for stock or money, and refuses for good. */
  static Optional<String> refusal(RemoteProblemException problem) {
    return problem.problem().reason().filter(Refusals.ALL::contains);
  }

  static ErrorResponseException problem(HttpStatus status, String reason, String detail) {
    ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, detail);
    problem.setProperty("reason", reason);
    return new ErrorResponseException(status, problem, null);
  }

  static ErrorResponseException differentBody(String number) {
    return problem(
        HttpStatus.CONFLICT,
        "DIFFERENT_BODY",
        "Another request with the number " + number + " has been taken: use a number once.");
  }
}
