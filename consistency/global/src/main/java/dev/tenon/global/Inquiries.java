package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.Protocol.Facts;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Answers participants that ask about branches of transactions started here. Thread-safe. */
final class Inquiries {
  private final GlobalParts parts;
  private final DecisionStore store;

  Inquiries(GlobalParts parts, DecisionStore store) {
    this.parts = parts;
    this.store = store;
  }

  /** Answers each question, in their order. */
  List<BranchAnswer> answer(List<BranchQuestion> questions) {
    if (questions.size() > GlobalTransport.BATCH_MAX) {
      throw new IllegalArgumentException(
          "questions: " + questions.size() + " (expected: <= " + GlobalTransport.BATCH_MAX + ")");
    }
    Map<UUID, SignedXid> xids = new LinkedHashMap<>();
    List<SignedXid> asked = new ArrayList<>();
    for (BranchQuestion question : questions) {
      SignedXid xid = SignedXid.verify(question.xid(), parts.signer());
      if (!xid.xid().starter().equals(parts.service())) {
        throw new IllegalArgumentException(
            "xid: " + xid.xid() + " (expected: one that " + parts.service() + " has started)");
      }
      asked.add(xid);
      xids.put(xid.xid().id(), xid);
    }
    try {
      Map<UUID, Facts> facts = store.facts(xids.keySet());
      List<BranchAnswer> answers = new ArrayList<>();
      for (int i = 0; i < asked.size(); i++) {
        SignedXid xid = asked.get(i);
        answers.add(
            answer(xid, questions.get(i).branch(), requireNonNull(facts.get(xid.xid().id()))));
      }
      return answers;
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not answer about distributed transactions [service="
              + parts.service()
              + "]: "
              + e.getMessage()
              + ". Ask again.",
          Told.UNKNOWN,
          e);
    }
  }

  private BranchAnswer answer(SignedXid xid, UUID branch, Facts facts) throws SQLException {
    return switch (Protocol.inquire(xid.xid(), branch, facts)) {
      case COMMIT -> BranchAnswer.COMMIT;
      case ABORT -> BranchAnswer.ABORT;
      case PENDING -> BranchAnswer.PENDING;
      case UNKNOWN -> BranchAnswer.UNKNOWN;
      case INSERT_ABORTED -> abort(xid, branch);
    };
  }

  private BranchAnswer abort(SignedXid xid, UUID branch) throws SQLException {
    Optional<Decision> standing;
    try {
      standing = store.abort(xid, List.of(), null);
    } catch (DecisionStore.InDoubtException e) {
      return BranchAnswer.PENDING; // a pivot was sent since the look
    }
    if (standing.isEmpty()) {
      return BranchAnswer.UNKNOWN;
    }
    boolean commit = standing.get().outcome() == Outcome.COMMITTED && standing.get().lists(branch);
    return commit ? BranchAnswer.COMMIT : BranchAnswer.ABORT;
  }
}
