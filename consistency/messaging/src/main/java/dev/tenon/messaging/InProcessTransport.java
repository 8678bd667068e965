package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Connects services of one JVM without a network: for tests, and for services that are not split
 * into processes yet. Nobody proves who it is: a service is believed to be the subscriber that it
 * says. The address of an instance is the name of its service. Thread-safe.
 */
public final class InProcessTransport implements FeedTransport {
  private final Map<String, FeedSource> sources = new ConcurrentHashMap<>();

  /** Creates a transport that leads nowhere yet. */
  public InProcessTransport() {}

  /**
   * Lets others read a service's log, instead of what was served under its name before.
   *
   * @param source the publisher's end
   */
  public void serve(FeedSource source) {
    sources.put(source.service(), source);
  }

  /** Lets others reach nobody any more, until something is served again. */
  public void clear() {
    sources.clear();
  }

  private FeedSource source(String service) {
    FeedSource source = sources.get(service);
    if (source == null) {
      throw new FeedException(
          FeedException.Reason.UNREACHABLE,
          "Could not reach a service [service="
              + service
              + "]: it is not in this process. Serve it here.");
    }
    return source;
  }

  @Override
  public FeedStream open(FeedRequest request) {
    return source(request.publisher()).open(request);
  }

  @Override
  public void report(FeedReport report) {
    source(report.publisher()).report(report);
  }

  @Override
  public void wake(String address) {
    source(address).wake();
  }
}
