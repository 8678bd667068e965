package dev.tenon.grpc;

import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.global.Listing;
import dev.tenon.transport.BranchCalls;
import io.grpc.Metadata;
import io.netty.util.AttributeKey;

/**
 * What the answer to a call says about branches of its distributed transaction: kept with the
 * request until the call is closed, by whomever that is. Thread-safe.
 */
final class CallBranches {
  private static final AttributeKey<String> LISTING =
      AttributeKey.valueOf(CallBranches.class, "LISTING");

  private static final Metadata.Key<String> METADATA =
      Metadata.Key.of(Listing.HEADER, Metadata.ASCII_STRING_MARSHALLER);

  private final ServiceRequestContext context;

  CallBranches(ServiceRequestContext context) {
    this.context = context;
  }

  void name(String listing) {
    context.setAttr(LISTING, BranchCalls.fitting(listing));
  }

  /** The trailers with the listing, if there is one. */
  Metadata addTo(Metadata trailers) {
    String listing = context.attr(LISTING);
    if (listing == null) {
      return trailers;
    }
    Metadata named = new Metadata();
    named.merge(trailers);
    named.discardAll(METADATA);
    named.put(METADATA, listing);
    return named;
  }
}
