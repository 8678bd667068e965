package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Connects services of one JVM without a network. */
final class DirectTransport implements FeedTransport {
  private final Map<String, FeedSource> sources = new ConcurrentHashMap<>();

  void serve(FeedSource source) {
    sources.put(source.service(), source);
  }

  private FeedSource source(String service) {
    FeedSource source = sources.get(service);
    if (source == null) {
      throw new FeedException(FeedException.Reason.UNREACHABLE, "no service " + service);
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
