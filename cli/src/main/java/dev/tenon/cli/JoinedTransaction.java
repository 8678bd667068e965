package dev.tenon.cli;

import dev.tenon.global.Branch;
import dev.tenon.global.OpenTransaction;
import dev.tenon.global.OpenTransaction.BranchPart;
import dev.tenon.global.OpenTransaction.DecisionPart;
import dev.tenon.global.OpenTransaction.DecisionState;
import dev.tenon.global.OpenTransaction.State;
import dev.tenon.global.Xid;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What several services know of one distributed transaction.
 *
 * @param parts by service, in the order in which they were asked
 * @param asked the services that have answered
 */
record JoinedTransaction(Xid xid, List<OpenTransaction> parts, Set<String> asked) {
  private static final String ENDED = "nobody";

  JoinedTransaction {
    parts = List.copyOf(parts);
    asked = Set.copyOf(asked);
  }

  boolean parked() {
    return parts.stream().anyMatch(OpenTransaction::parked);
  }

  /** Whom the telling of a decision waits for, as far as the participants were asked. */
  String waitsFor(DecisionPart decision) {
    if (decision.state() != DecisionState.TELLING) {
      return decision.waitsFor();
    }
    String open =
        decision.branches().stream()
            .flatMap(branch -> standing(branch).stream())
            .collect(Collectors.joining(", "));
    String told = open.isEmpty() ? "the answers of its participants" : open;
    return decision.telling().ownerAlive() ? told : told + ", and an instance that tells it";
  }

  /** Whom a branch waits for; its starter may have decided already. */
  String waitsFor(BranchPart branch) {
    boolean asks =
        branch.state() == State.OPEN
            && parts.stream().anyMatch(one -> one.decision().isPresent())
            && branch.progress().nextAt().isPresent();
    return branch.waitsFor(xid)
        + (asks ? ", asked at " + branch.progress().nextAt().orElseThrow() : "");
  }

  /** How a listed branch stands at its participant; empty if it has ended. */
  private Optional<String> standing(Branch branch) {
    String name = branch.service() + "/" + branch.step();
    if (!asked.contains(branch.service())) {
      return Optional.of(name);
    }
    Optional<BranchPart> found =
        parts.stream()
            .filter(one -> one.service().equals(branch.service()))
            .flatMap(one -> one.branches().stream())
            .filter(part -> part.id().filter(branch.id()::equals).isPresent())
            .findFirst();
    if (found.isEmpty()) {
      return Optional.of(name + " (not there)");
    }
    return found.get().waitsFor(xid).equals(ENDED)
        ? Optional.empty()
        : Optional.of(name + " (" + found.get().state() + ")");
  }
}
