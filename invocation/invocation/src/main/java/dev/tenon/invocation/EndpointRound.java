package dev.tenon.invocation;

import dev.tenon.invocation.spi.Endpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One way past the endpoints of a service, for a loop that comes again by itself until somebody
 * answers, such as a feed that is opened again: each endpoint is asked at most once, the best
 * first. Endpoints are chosen as for calls, and what comes of it counts for calls too.
 *
 * <p>An endpoint that is left out for now is asked all the same when there is no other. So the loop
 * sets the pace, and finds out first that an endpoint is back. Has no retry budget and no bound of
 * what is under way. Does no I/O. Used by one thread at a time; to be closed.
 */
public final class EndpointRound implements AutoCloseable {
  private final ServiceCalls calls;
  private final List<EndpointState> tried = new ArrayList<>(1);
  private @Nullable EndpointState current;

  EndpointRound(ServiceCalls calls) {
    this.calls = calls;
  }

  /**
   * The next endpoint to ask. One that was given before counts as given up if nothing was told of
   * it.
   *
   * @return the endpoint; empty if each was asked, or is being probed by somebody else
   */
  public Optional<Endpoint> next() {
    close();
    Optional<EndpointState> chosen = calls.pool().insist(calls.now().toEpochMilli(), tried);
    chosen.ifPresent(
        state -> {
          current = state;
          tried.add(state);
        });
    return chosen.map(EndpointState::endpoint);
  }

  /**
   * Tells what came of asking the endpoint given last.
   *
   * @param result what came of it
   */
  public void ended(Call.Result result) {
    end(ServiceCalls.verdict(result));
  }

  /**
   * Whether the service has any endpoint.
   *
   * @return false if it is not known, or has no instance now
   */
  public boolean isEmpty() {
    return calls.pool().size() == 0;
  }

  /** Gives up what is under way. Safe to repeat. */
  @Override
  public void close() {
    end(ServiceCalls.Verdict.UNDECIDED);
  }

  private void end(ServiceCalls.Verdict verdict) {
    EndpointState asked = current;
    if (asked != null) {
      current = null;
      asked.end();
      calls.judge(asked, calls.now().toEpochMilli(), verdict);
    }
  }
}
