package dev.tenon.global;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenon.runtime.Json;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a saga has done up to its last commit of its own, as {@link Sagas#history} exports it: to be
 * kept with the tests, and checked there against code that is to go on with such sagas.
 *
 * <pre>{@code
 * SagaHistory history = SagaHistory.parse(Files.readString(recorded));
 * history.check(new SagaType<>("placing", Placed.class, String.class, HOUR, new Placing(stubs)));
 * }</pre>
 *
 * @param type the name of the saga's type
 * @param id the saga's id
 * @param xid the id of its transaction, from which its ids and keys are made
 * @param startedAt when it was started
 * @param input what it was started with
 * @param steps what it did, in order
 */
public record SagaHistory(
    String type, String id, UUID xid, Instant startedAt, JsonNode input, List<Step> steps) {

  /** Copies the steps. */
  public SagaHistory {
    steps = List.copyOf(steps);
  }

  /**
   * A step.
   *
   * @param name its name, numbered if it had come before
   * @param stored whether this service has stored its result; of a call, the callee has
   * @param result the stored result; null if none is stored
   */
  public record Step(String name, boolean stored, @Nullable JsonNode result) {}

  /**
   * Reads a history.
   *
   * @param json what {@link #json} has given
   * @return the same history
   * @throws IllegalArgumentException if it is none
   */
  public static SagaHistory parse(String json) {
    return Json.read(json.getBytes(UTF_8), SagaHistory.class);
  }

  /**
   * Writes the history.
   *
   * @return JSON, to be kept in a file
   */
  public String json() {
    return Json.mapper().writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
  }

  /**
   * Runs code along this history, and returns if it takes the same path to the history's end. It
   * needs no database and sends nothing by itself: the results of steps are those that were stored.
   * Only the code inside of {@link SagaScope#call} is run, as the starter stores no results of
   * calls: give the saga clients that answer as the called services did.
   *
   * @param type the type with the code that is to go on with such sagas
   * @param <I> its input
   * @throws SagaDivergedException if a saga with this history would be parked by that code: it
   *     takes another path, ends or fails before the history does, or cannot read a stored result
   * @throws IllegalArgumentException if the history is one of another type
   */
  public <I> void check(SagaType<I, ?> type) {
    if (!type.name().equals(this.type)) {
      throw new IllegalArgumentException("type: " + type.name() + " (expected: " + this.type + ")");
    }
    new SagaReplay(this).run(type);
  }

  List<String> names() {
    return steps.stream().map(Step::name).toList();
  }
}
