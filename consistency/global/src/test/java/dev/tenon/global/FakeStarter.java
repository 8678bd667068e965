package dev.tenon.global;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.GlobalTransportException;
import dev.tenon.global.spi.OrderResult;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** A starter that answers what a test has told it to; pending unless told. */
final class FakeStarter implements GlobalTransport {
  final Map<UUID, BranchAnswer> answers = new HashMap<>();
  final List<Integer> asked = new ArrayList<>();
  boolean reachable = true;
  BranchAnswer otherwise = BranchAnswer.PENDING;

  @Override
  public List<OrderResult> finish(String service, List<BranchOrder> orders) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
    if (!reachable) {
      throw new GlobalTransportException("no way to " + starter, new IOException("cut"));
    }
    asked.add(questions.size());
    return questions.stream()
        .map(question -> answers.getOrDefault(question.branch(), otherwise))
        .toList();
  }
}
