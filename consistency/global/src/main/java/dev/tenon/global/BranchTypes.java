package dev.tenon.global;

import dev.tenon.runtime.Json;
import dev.tenon.transaction.UnitOfWork;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The kinds of work whose branches this service can end. Immutable. */
final class BranchTypes {
  private final Map<String, BranchType<?>> types;

  BranchTypes(List<BranchType<?>> declared) {
    Map<String, BranchType<?>> byName = new LinkedHashMap<>();
    for (BranchType<?> type : declared) {
      if (byName.putIfAbsent(type.name(), type) != null) {
        throw new IllegalArgumentException(
            "branch type: " + type.name() + " (expected: declared only once)");
      }
    }
    types = Map.copyOf(byName);
  }

  /** What is stored of a new branch. */
  <T> BranchRow.Work work(BranchType<T> type, T argument, BranchCall call) {
    if (!type.equals(types.get(type.name()))) {
      throw new IllegalArgumentException(
          "branch type: "
              + type.name()
              + " (expected: one of the declared "
              + types.keySet()
              + ")");
    }
    String json = new String(Json.write(argument), StandardCharsets.UTF_8);
    return new BranchRow.Work(type.kind(), type.name(), json, call.caller(), call.operation());
  }

  /** The application's code has failed. */
  static final class EndFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EndFailedException(Throwable cause) {
      super(cause);
    }
  }

  /**
   * Confirms or undoes.
   *
   * @throws EndFailedException if the application's code failed
   */
  void end(BranchRow.Work work, Outcome outcome, UnitOfWork unit) {
    BranchType<?> type = types.get(work.type());
    if (type == null) {
      throw new IllegalStateException(
          "no branch type " + work.type() + " is declared in this instance");
    }
    try {
      end(type, work, outcome, unit);
    } catch (Exception | LinkageError | AssertionError | StackOverflowError e) {
      throw new EndFailedException(e);
    }
  }

  private static <T> void end(
      BranchType<T> type, BranchRow.Work work, Outcome outcome, UnitOfWork unit) throws Exception {
    T argument = Json.read(work.argument().getBytes(StandardCharsets.UTF_8), type.argument());
    switch (outcome) {
      case COMMITTED -> type.confirm().run(argument, unit);
      case ABORTED -> type.undo().run(argument, unit);
    }
  }
}
