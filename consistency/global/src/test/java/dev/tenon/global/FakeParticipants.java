package dev.tenon.global;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.GlobalTransportException;
import dev.tenon.global.spi.OrderResult;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;

/** Participants that note what they are told. Thread-safe. */
final class FakeParticipants implements GlobalTransport {
  final List<Told> told = new CopyOnWriteArrayList<>();
  final List<Integer> batches = new CopyOnWriteArrayList<>();
  final Set<String> down = ConcurrentHashMap.newKeySet();
  volatile BiFunction<String, BranchOrder, OrderResult> answer =
      (service, order) -> OrderResult.DONE;

  /** An order that has come. */
  record Told(String service, String step, Outcome outcome, boolean named) {
    static Told of(Branch branch, Outcome outcome) {
      return new Told(branch.service(), branch.step(), outcome, true);
    }
  }

  @Override
  public List<OrderResult> finish(String service, List<BranchOrder> orders) {
    if (down.contains(service)) {
      throw new GlobalTransportException(service + " is down", new IOException("refused"));
    }
    batches.add(orders.size());
    return orders.stream()
        .map(
            order -> {
              told.add(new Told(service, order.step(), order.outcome(), order.branch() != null));
              return answer.apply(service, order);
            })
        .toList();
  }

  @Override
  public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
    throw new UnsupportedOperationException("nobody asks here");
  }
}
