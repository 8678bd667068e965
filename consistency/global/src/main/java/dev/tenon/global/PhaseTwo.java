package dev.tenon.global;

import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.runtime.Signal;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells participants how their branches end. What is in hand is only a copy of what the database
 * holds: what fails here is read from there again when its time has come, by this instance or
 * another one. Two that tell the same do no harm.
 *
 * <p>Each participant has a lane, in which orders of many transactions go together, and one request
 * is under way; only if more wait than they should, those who have started the transactions send
 * them, too. Thread-safe.
 */
final class PhaseTwo {
  /** The most transactions in hand; further ones wait in the database. */
  static final int TRANSACTIONS_MAX = 10_000;

  /** So many orders for one participant may wait; who starts more transactions helps to tell it. */
  static final int BACKLOG_MAX = 100;

  /** How long further orders are gathered for a participant that gets many. */
  private static final Duration GATHER = Duration.ofMillis(2);

  private static final Logger log = LoggerFactory.getLogger(PhaseTwo.class);

  private final GlobalParts parts;
  private final OpenDecisions decisions;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Lane> lanes = new LinkedHashMap<>(); // guarded by lock
  private final Set<UUID> inHand = new HashSet<>(); // guarded by lock: the stored ones
  private final Map<UUID, String> ended = new LinkedHashMap<>(); // guarded by lock: with problem
  private final Signal toWrite = new Signal();
  private int notStored; // guarded by lock: how many others are in hand
  private boolean running; // guarded by lock
  private boolean closed; // guarded by lock

  /** The orders for one participant. */
  private static final class Lane {
    private final String service;
    private final Deque<Order> queue = new ArrayDeque<>();
    private boolean busy;

    Lane(String service) {
      this.service = service;
    }
  }

  /** One order, and the transaction that it belongs to. */
  private record Order(Ending ending, BranchOrder order) {}

  /** A transaction whose participants are being told, stage by stage. Guarded by the lock. */
  private static final class Ending {
    private final UUID id;
    private final boolean stored;
    private final Deque<Map<BranchOrder, String>> stages = new ArrayDeque<>();
    private int outstanding;
    private boolean failed;
    private String problem = "";

    Ending(UUID id, boolean stored) {
      this.id = id;
      this.stored = stored;
    }
  }

  PhaseTwo(GlobalParts parts, OpenDecisions decisions) {
    this.parts = parts;
    this.decisions = decisions;
  }

  /** Confirms the branches of a transaction whose decision is stored. */
  void committed(SignedXid xid, List<Branch> branches) {
    stored(xid.header(), xid.xid().id(), new Decision(Outcome.COMMITTED, branches));
    branches.stream().map(Branch::service).distinct().forEach(this::help);
  }

  /** Sends what waits beyond the limit, on the thread of who has made it more. */
  private void help(String service) {
    Lane lane;
    List<Order> batch;
    lock.lock();
    try {
      lane = lanes.get(service);
      if (!running || lane == null || lane.queue.size() < BACKLOG_MAX) {
        return;
      }
      batch = taken(lane);
    } finally {
      lock.unlock();
    }
    send(lane, batch);
  }

  /** Undoes, once, branches of a transaction of which nothing is stored, and bars untold steps. */
  void undo(SignedXid xid, List<Branch> branches, Map<String, String> untold) {
    Map<BranchOrder, String> stage = new LinkedHashMap<>();
    branches.forEach(
        branch -> stage.put(order(xid.header(), branch, Outcome.ABORTED), branch.service()));
    untold.forEach(
        (step, service) ->
            stage.put(new BranchOrder(xid.header(), step, null, Outcome.ABORTED), service));
    if (!stage.isEmpty()) {
      Ending ending = new Ending(xid.xid().id(), false);
      ending.stages.add(stage);
      take(ending);
    }
  }

  /** Carries out a stored decision: all at once if committed, else backwards, one by one. */
  void stored(String header, UUID id, Decision decision) {
    if (decision.branches().isEmpty()) {
      return;
    }
    Ending ending = new Ending(id, true);
    switch (decision.outcome()) {
      case COMMITTED -> {
        Map<BranchOrder, String> stage = new LinkedHashMap<>();
        for (Branch branch : decision.branches()) {
          stage.put(order(header, branch, Outcome.COMMITTED), branch.service());
        }
        ending.stages.add(stage);
      }
      case ABORTED -> {
        for (Branch branch : decision.branches().reversed()) {
          ending.stages.add(
              Collections.singletonMap(order(header, branch, Outcome.ABORTED), branch.service()));
        }
      }
    }
    take(ending);
  }

  private static BranchOrder order(String header, Branch branch, Outcome outcome) {
    return new BranchOrder(header, branch.step(), branch.id(), outcome);
  }

  private void take(Ending ending) {
    lock.lock();
    try {
      if (closed || inHand.size() + notStored >= TRANSACTIONS_MAX) {
        return;
      }
      if (ending.stored && !inHand.add(ending.id)) {
        return;
      }
      notStored += ending.stored ? 0 : 1;
      next(ending);
    } finally {
      lock.unlock();
    }
  }

  private void next(Ending ending) {
    Map<BranchOrder, String> stage = ending.stages.poll();
    if (stage == null) {
      letGo(ending);
      if (ending.stored) {
        ended.put(ending.id, ending.problem);
        toWrite.wake();
      }
      return;
    }
    ending.outstanding = stage.size();
    stage.forEach(
        (order, service) -> {
          Lane lane = lanes.computeIfAbsent(service, Lane::new);
          lane.queue.add(new Order(ending, order));
          if (running && !lane.busy) {
            lane.busy = true;
            parts.runtime().threads().newThread(() -> work(lane)).start();
          }
        });
  }

  private void letGo(Ending ending) {
    if (ending.stored) {
      inHand.remove(ending.id);
    } else {
      notStored--;
    }
  }

  /** Sends all that comes while it is at it; gathers some more where more than one came. */
  private void work(Lane lane) {
    List<Order> batch = batch(lane);
    while (!batch.isEmpty()) {
      send(lane, batch);
      if (batch.size() > 1) {
        LockSupport.parkNanos(GATHER.toNanos());
      }
      batch = batch(lane);
    }
  }

  private boolean drain(Lane lane) {
    boolean any = false;
    List<Order> batch = batch(lane);
    while (!batch.isEmpty()) {
      send(lane, batch);
      any = true;
      batch = batch(lane);
    }
    return any;
  }

  private List<Order> batch(Lane lane) {
    lock.lock();
    try {
      List<Order> batch = taken(lane);
      lane.busy = running && !batch.isEmpty();
      return batch;
    } finally {
      lock.unlock();
    }
  }

  private static List<Order> taken(Lane lane) {
    List<Order> batch = new ArrayList<>();
    while (batch.size() < GlobalTransport.BATCH_MAX && !lane.queue.isEmpty()) {
      batch.add(lane.queue.remove());
    }
    return batch;
  }

  private void send(Lane lane, List<Order> batch) {
    List<@Nullable OrderResult> results = Collections.nCopies(batch.size(), null);
    try {
      results = List.copyOf(ask(lane.service, batch));
    } catch (RuntimeException | Error e) {
      parts.metrics().unreachable(lane.service);
      log.atDebug()
          .addKeyValue("participant", lane.service)
          .setCause(e)
          .log("a participant could not be told; it is told again");
    } finally {
      took(lane, batch, results);
    }
  }

  private List<OrderResult> ask(String service, List<Order> batch) {
    List<BranchOrder> orders = batch.stream().map(Order::order).toList();
    List<OrderResult> results = parts.transport().finish(service, orders);
    if (results.size() != orders.size()) {
      throw new IllegalStateException(
          service + " gave " + results.size() + " results to " + orders.size() + " orders");
    }
    parts.metrics().told(service, orders.size());
    return results;
  }

  /** Takes the results; null if there is none, and then what waits in the lane fails, too. */
  private void took(Lane lane, List<Order> batch, List<? extends @Nullable OrderResult> results) {
    lock.lock();
    try {
      boolean unreachable = false;
      for (int i = 0; i < batch.size(); i++) {
        unreachable |= results.get(i) == null;
        took(lane.service, batch.get(i), results.get(i));
      }
      while (unreachable && !lane.queue.isEmpty()) {
        took(lane.service, lane.queue.remove(), null);
      }
    } finally {
      lock.unlock();
    }
  }

  private void took(String service, Order order, @Nullable OrderResult result) {
    Ending ending = order.ending();
    switch (result) {
      case null -> ending.failed = true;
      case LATER -> ending.failed = true;
      case DONE -> {}
      case PARKED, LOST, CONFLICT ->
          ending.problem +=
              (ending.problem.isEmpty() ? "" : ", ")
                  + service
                  + "/"
                  + order.order().step()
                  + " "
                  + result;
    }
    ending.outstanding--;
    if (ending.outstanding == 0) {
      if (ending.failed) {
        letGo(ending); // the database has it, or those who ask are told
      } else {
        next(ending);
      }
    }
  }

  /** Begins to tell participants on threads of its own. */
  void start() {
    lock.lock();
    try {
      running = true;
      for (Lane lane : lanes.values()) {
        if (!lane.busy && !lane.queue.isEmpty()) {
          lane.busy = true;
          parts.runtime().threads().newThread(() -> work(lane)).start();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Tells all that is in hand, on the calling thread; says whether there was anything. */
  boolean drain() {
    boolean any = false;
    boolean more = true;
    while (more) {
      more = false;
      for (Lane lane : copyOfLanes()) {
        more |= drain(lane);
      }
      any |= more;
    }
    return any;
  }

  private List<Lane> copyOfLanes() {
    lock.lock();
    try {
      return List.copyOf(lanes.values());
    } finally {
      lock.unlock();
    }
  }

  /** Stores what has ended, all of it with one commit; says whether there was anything. */
  boolean write() throws SQLException {
    Map<UUID, String> batch;
    lock.lock();
    try {
      batch = new LinkedHashMap<>(ended);
    } finally {
      lock.unlock();
    }
    if (batch.isEmpty()) {
      return false;
    }
    decisions.ended(batch);
    lock.lock();
    try {
      ended.keySet().removeAll(batch.keySet());
    } finally {
      lock.unlock();
    }
    return true;
  }

  /** Waits until something has ended. */
  boolean awaitEnded(Duration atMost) throws InterruptedException {
    return toWrite.await(atMost);
  }

  /** Lets go of what has not been sent: it is anybody's. */
  void drop() {
    lock.lock();
    try {
      lanes.values().forEach(lane -> lane.queue.clear());
      inHand.clear();
      notStored = 0;
    } finally {
      lock.unlock();
    }
  }

  /** Takes nothing more. */
  void close() {
    lock.lock();
    try {
      closed = true;
      lanes.values().forEach(lane -> lane.queue.clear());
      toWrite.wake();
    } finally {
      lock.unlock();
    }
  }
}
