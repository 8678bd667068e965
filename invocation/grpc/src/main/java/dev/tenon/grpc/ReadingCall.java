package dev.tenon.grpc;

import dev.tenon.global.BranchCall;
import dev.tenon.global.BranchRefusedException;
import dev.tenon.global.Participant;
import dev.tenon.transport.ServiceProblems;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * A unary call that opens no branch, and may call on under its transaction from the thread of its
 * handler.
 */
final class ReadingCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
  private final Participant participant;
  private final BranchCall branch;
  private final CallBranches branches;
  private volatile Participant.@Nullable Reading reading;

  ReadingCall(
      ServerCall<Q, A> call, Participant participant, BranchCall branch, CallBranches branches) {
    super(call);
    this.participant = participant;
    this.branch = branch;
    this.branches = branches;
  }

  ServerCall.Listener<Q> listener(ServerCall.Listener<Q> handler) {
    return new SimpleForwardingServerCallListener<>(handler) {
      @Override
      public void onHalfClose() {
        run(delegate());
      }
    };
  }

  private void run(ServerCall.Listener<Q> handler) {
    try (Participant.Reading entered = participant.enter(branch)) {
      reading = entered;
      handle(handler, entered);
    } catch (BranchRefusedException e) {
      participant.failedListing(e).ifPresent(branches::name);
      throw StatusMapping.exception(ServiceProblems.refused(e));
    }
  }

  private void handle(ServerCall.Listener<Q> handler, Participant.Reading entered) {
    try {
      handler.onHalfClose();
    } catch (RuntimeException e) {
      branches.name(entered.listing(true));
      throw e;
    }
  }

  @Override
  public void close(Status status, Metadata trailers) {
    Participant.Reading entered = reading;
    if (entered != null) {
      branches.name(entered.listing(!status.isOk()));
    }
    delegate().close(status, trailers);
  }
}
