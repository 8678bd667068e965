package dev.tenon.cli;

import dev.tenon.global.OpenTransaction;
import dev.tenon.global.OpenTransaction.BranchPart;
import dev.tenon.global.OpenTransaction.DecisionPart;
import dev.tenon.global.OpenTransaction.DecisionState;
import dev.tenon.global.OpenTransaction.SagaPart;
import dev.tenon.global.OpenTransaction.SagaState;
import dev.tenon.global.Xid;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Writes distributed transactions for people. */
final class TransactionsText {
  private static final String ENDED = "nobody";
  private static final int ERROR_LENGTH_MAX = 80;

  private final Instant now;

  TransactionsText(Instant now) {
    this.now = now;
  }

  /** A line for each part that has not ended. */
  String table(List<JoinedTransaction> all) {
    Table table = new Table("ID", "AGE", "SERVICE", "PART", "STATE", "WAITS FOR", "PROBLEM");
    for (JoinedTransaction one : all) {
      boolean first = true;
      for (Line line : lines(one)) {
        if (!line.waitsFor().equals(ENDED)) {
          table.row(
              first ? one.xid().id() : "",
              first ? age(one.xid()) : "",
              line.service(),
              line.part(),
              line.state(),
              line.waitsFor(),
              line.problem().map(TransactionsText::shortened).orElse(""));
          first = false;
        }
      }
    }
    return table.toString();
  }

  /** A part of a transaction. */
  private record Line(
      String service, String part, String state, String waitsFor, Optional<String> problem) {}

  private static List<Line> lines(JoinedTransaction one) {
    List<Line> lines = new ArrayList<>();
    for (OpenTransaction part : one.parts()) {
      part.decision().ifPresent(decision -> lines.add(line(one, part.service(), decision)));
      part.saga().ifPresent(saga -> lines.add(line(part.service(), saga)));
      part.branches().forEach(branch -> lines.add(line(one, part.service(), branch)));
    }
    return lines;
  }

  private static Line line(JoinedTransaction one, String service, DecisionPart decision) {
    return new Line(
        service,
        "decision",
        decision.outcome() + ", " + decision.state(),
        one.waitsFor(decision),
        decision.telling().problem());
  }

  private static Line line(String service, SagaPart saga) {
    String state = saga.state() + (saga.run().committed() ? ", committed" : "");
    return new Line(
        service, "saga " + saga.type() + "/" + saga.id(), state, saga.waitsFor(), saga.error());
  }

  private static Line line(JoinedTransaction one, String service, BranchPart branch) {
    String what = branch.what().map(known -> " " + known.kind()).orElse("");
    String wanted = branch.progress().wanted().map(outcome -> ", to be " + outcome).orElse("");
    return new Line(
        service,
        "branch " + branch.step() + what,
        branch.state() + wanted,
        one.waitsFor(branch),
        branch.progress().error());
  }

  /** All that is known of one, and what may be done. */
  String whole(JoinedTransaction one) {
    Xid xid = one.xid();
    List<String> lines = new ArrayList<>();
    lines.add("xid          " + xid.text());
    lines.add(
        "started      " + xid.startedAt() + " by " + xid.starter() + ", " + age(xid) + " ago");
    lines.add("deadline     " + xid.deadline() + (xid.deadline().isBefore(now) ? ", passed" : ""));
    lines.add("");
    Table table = new Table("SERVICE", "PART", "STATE", "WAITS FOR", "TRIED", "NEXT", "PROBLEM");
    for (OpenTransaction part : one.parts()) {
      part.decision()
          .ifPresent(
              decision ->
                  row(
                      table,
                      line(one, part.service(), decision),
                      decision.telling().attempts() + 1,
                      decision.telling().nextAt()));
      part.saga()
          .ifPresent(
              saga ->
                  row(
                      table,
                      line(part.service(), saga),
                      saga.run().attempts(),
                      saga.run().wakeAt()));
      part.branches()
          .forEach(
              branch ->
                  row(
                      table,
                      line(one, part.service(), branch),
                      branch.progress().asked() + branch.progress().attempts(),
                      branch.progress().nextAt()));
    }
    lines.add(table.toString());
    lines.add("");
    one.parts().forEach(part -> lines.addAll(details(part)));
    lines.addAll(actions(one));
    lines.addAll(next(one));
    return String.join(System.lineSeparator(), lines);
  }

  private static void row(Table table, Line line, int tried, Optional<Instant> next) {
    table.row(
        line.service(),
        line.part(),
        line.state(),
        line.waitsFor(),
        tried,
        next.map(Instant::toString).orElse(""),
        line.problem().orElse(""));
  }

  private static List<String> details(OpenTransaction part) {
    List<String> lines = new ArrayList<>();
    part.decision()
        .filter(decision -> !decision.branches().isEmpty())
        .ifPresent(
            decision ->
                lines.add(
                    "decision     lists "
                        + decision.branches().stream()
                            .map(branch -> branch.service() + "/" + branch.step())
                            .collect(Collectors.joining(", "))));
    part.saga()
        .ifPresent(
            saga ->
                lines.add(
                    "saga         " + saga.type() + "/" + saga.id() + ", steps " + saga.steps()));
    part.branches()
        .forEach(
            branch ->
                branch
                    .what()
                    .ifPresent(
                        what ->
                            lines.add(
                                "branch       "
                                    + part.service()
                                    + "/"
                                    + branch.step()
                                    + ": "
                                    + what.type()
                                    + ", opened "
                                    + branch.progress().openedAt()
                                    + " for "
                                    + what.caller()
                                    + " by "
                                    + what.operation())));
    return lines;
  }

  private static List<String> actions(JoinedTransaction one) {
    Table table = new Table("DONE AT", "SERVICE", "WHO", "ACTION", "FOUND", "WHY");
    boolean any = false;
    for (OpenTransaction part : one.parts()) {
      for (OpenTransaction.Action action : part.actions()) {
        any = true;
        table.row(
            action.doneAt(),
            part.service(),
            action.operator().who(),
            action.action() + action.step().map(step -> " branch " + step).orElse(""),
            shortened(action.found()),
            action.operator().why());
      }
    }
    return any ? List.of("", table.toString()) : List.of();
  }

  /** What a person may do about what waits for one. */
  private static List<String> next(JoinedTransaction one) {
    List<String> commands = new ArrayList<>();
    for (OpenTransaction part : one.parts()) {
      String at = " " + one.xid().id() + " --service " + part.service();
      part.decision()
          .filter(decision -> decision.state() == DecisionState.PROBLEM)
          .ifPresent(decision -> commands.add("retry" + at + ", or skip"));
      part.saga()
          .filter(saga -> saga.state() == SagaState.PARKED)
          .ifPresent(
              saga ->
                  commands.add(
                      "retry" + at + (saga.run().committed() ? "" : ", or force ... abort")));
      for (BranchPart branch : part.branches()) {
        String step = " --step " + branch.step();
        boolean known = branch.progress().wanted().isPresent();
        if (branch.state() == OpenTransaction.State.PARKED) {
          commands.add(
              "retry" + at + step + (known ? ", or skip" : ", or force ... commit or abort"));
        }
      }
    }
    if (commands.isEmpty()) {
      return List.of();
    }
    List<String> lines = new ArrayList<>(List.of("", "Mend the cause, then, with --why:"));
    commands.forEach(command -> lines.add("  ./tenon transactions " + command));
    return lines;
  }

  private String age(Xid xid) {
    Duration age = Duration.between(xid.startedAt(), now);
    if (age.toDays() > 0) {
      return age.toDays() + "d " + age.toHoursPart() + "h";
    }
    if (age.toHours() > 0) {
      return age.toHours() + "h " + age.toMinutesPart() + "m";
    }
    return age.toMinutes() > 0
        ? age.toMinutes() + "m " + age.toSecondsPart() + "s"
        : Math.max(0, age.toSeconds()) + "s";
  }

  private static String shortened(String text) {
    String line = text.lines().findFirst().orElse("");
    return line.length() <= ERROR_LENGTH_MAX ? line : line.substring(0, ERROR_LENGTH_MAX) + "…";
  }
}
