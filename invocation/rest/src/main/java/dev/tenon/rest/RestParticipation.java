package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import dev.tenon.global.BranchCall;
import dev.tenon.global.BranchRefusedException;
import dev.tenon.global.Participant;
import dev.tenon.transport.BranchCalls;
import dev.tenon.transport.IncomingCall;
import dev.tenon.transport.ServiceProblems;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Runs a method under the distributed transaction that its call came under, and names the branches
 * in its answer.
 *
 * @param participant the service's side of others' transactions
 * @param operation HTTP method and path of the operation
 * @param stored whether the answer is stored in the commit of the method's effects, as it must be
 *     if it may open a branch
 */
record RestParticipation(Participant participant, String operation, boolean stored) {
  private static final int FIRST_PROBLEM = 400;

  /**
   * Which call under a transaction a request is.
   *
   * @throws IllegalArgumentException if its headers are malformed
   */
  Optional<BranchCall> call(IncomingCall call) {
    return BranchCalls.of(call, operation);
  }

  RestReply answer(
      BranchCall call,
      AggregatedHttpRequest request,
      Supplier<RestReply> handler,
      Function<RuntimeException, RestReply> failure) {
    try {
      return stored
          ? RestIdempotency.answer(
              participant.<RuntimeException>handle(
                  call,
                  RestIdempotency.fingerprint(request),
                  unit -> RestIdempotency.toStore(handler)))
          : read(call, handler);
    } catch (RestIdempotency.Unstored e) {
      return listed(e.reply(), e);
    } catch (BranchRefusedException e) {
      return listed(RestReply.of(ServiceProblems.refused(e)), e);
    } catch (RuntimeException e) {
      return listed(failure.apply(e), e);
    }
  }

  private RestReply read(BranchCall call, Supplier<RestReply> handler) {
    try (Participant.Reading reading = participant.enter(call)) {
      RestReply reply = handler.get();
      return reply.listing(BranchCalls.fitting(reading.listing(reply.status() >= FIRST_PROBLEM)));
    }
  }

  private RestReply listed(RestReply reply, RuntimeException failure) {
    return participant
        .failedListing(failure)
        .map(BranchCalls::fitting)
        .map(reply::listing)
        .orElse(reply);
  }
}
