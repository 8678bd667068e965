package dev.tenon.transport;

import dev.tenon.global.Branch;
import dev.tenon.global.OpenTransaction;
import dev.tenon.global.OpenTransaction.Action;
import dev.tenon.global.OpenTransaction.BranchPart;
import dev.tenon.global.OpenTransaction.DecisionPart;
import dev.tenon.global.OpenTransaction.SagaPart;
import dev.tenon.global.Xid;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What services know of distributed transactions, as JSON for operators. A member without a value
 * is left out.
 */
public final class TransactionJson {
  private static final String ATTEMPTS = "attempts";
  private static final String BRANCHES = "branches";
  private static final String STATE = "state";
  private static final String STEP = "step";
  private static final String WAITS_FOR = "waitsFor";

  private TransactionJson() {}

  /**
   * Writes what one service knows of a transaction.
   *
   * @param one what it knows
   * @param now the time of day, for ages
   * @return an object, for any writer of JSON
   */
  public static Map<String, Object> of(OpenTransaction one, Instant now) {
    Xid xid = one.xid();
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("xid", xid.text());
    members.put("service", one.service());
    members.put("starter", xid.starter());
    members.put("startedAt", xid.startedAt().toString());
    members.put("deadline", xid.deadline().toString());
    members.put("ageMillis", Duration.between(xid.startedAt(), now).toMillis());
    one.decision().ifPresent(decision -> members.put("decision", of(decision)));
    one.saga().ifPresent(saga -> members.put("saga", of(saga)));
    members.put(BRANCHES, one.branches().stream().map(part -> of(part, xid)).toList());
    members.put("actions", one.actions().stream().map(TransactionJson::of).toList());
    return members;
  }

  private static Map<String, Object> of(DecisionPart decision) {
    OpenTransaction.Telling telling = decision.telling();
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("outcome", decision.outcome().name());
    members.put(STATE, decision.state().name());
    members.put("decidedAt", decision.decidedAt().toString());
    members.put(WAITS_FOR, decision.waitsFor());
    members.put(BRANCHES, decision.branches().stream().map(TransactionJson::of).toList());
    members.put(ATTEMPTS, telling.attempts());
    put(members, "nextAt", telling.nextAt());
    put(members, "owner", telling.owner());
    members.put("ownerAlive", telling.ownerAlive());
    put(members, "problem", telling.problem());
    return members;
  }

  private static Map<String, Object> of(Branch branch) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("service", branch.service());
    members.put(STEP, branch.step());
    members.put("branch", branch.id().toString());
    members.put("kind", branch.kind().name());
    return members;
  }

  private static Map<String, Object> of(SagaPart saga) {
    OpenTransaction.Run run = saga.run();
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("type", saga.type());
    members.put("id", saga.id());
    members.put(STATE, saga.state().name());
    members.put("committed", run.committed());
    members.put(WAITS_FOR, saga.waitsFor());
    members.put("steps", saga.steps());
    put(members, "owner", run.owner());
    members.put("ownerAlive", run.ownerAlive());
    put(members, "wakeAt", run.wakeAt());
    put(members, "awaits", run.awaits());
    members.put(ATTEMPTS, run.attempts());
    put(members, "error", saga.error());
    return members;
  }

  private static Map<String, Object> of(BranchPart branch, Xid xid) {
    OpenTransaction.Progress progress = branch.progress();
    Map<String, Object> members = new LinkedHashMap<>();
    members.put(STEP, branch.step());
    put(members, "branch", branch.id());
    branch
        .what()
        .ifPresent(
            what -> {
              members.put("kind", what.kind().name());
              members.put("type", what.type());
              members.put("caller", what.caller());
              members.put("operation", what.operation());
            });
    members.put(STATE, branch.state().name());
    members.put(WAITS_FOR, branch.waitsFor(xid));
    members.put("openedAt", progress.openedAt().toString());
    put(members, "wanted", progress.wanted());
    put(members, "nextAt", progress.nextAt());
    members.put("asked", progress.asked());
    members.put(ATTEMPTS, progress.attempts());
    put(members, "error", progress.error());
    return members;
  }

  private static Map<String, Object> of(Action action) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("at", action.doneAt().toString());
    members.put("who", action.operator().who());
    members.put("why", action.operator().why());
    members.put("action", action.action());
    put(members, STEP, action.step());
    members.put("found", action.found());
    return members;
  }

  private static void put(Map<String, Object> members, String name, Optional<?> value) {
    value.ifPresent(known -> members.put(name, known.toString()));
  }

  /** Writes what one service knows of several. */
  static List<Map<String, Object>> of(List<OpenTransaction> all, Instant now) {
    return all.stream().map(one -> of(one, now)).toList();
  }
}
