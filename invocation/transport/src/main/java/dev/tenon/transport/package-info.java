/**
 * The Tenon port: the server and client that carry the feed between services over HTTP, and the
 * identity by which services know each other.
 *
 * <p>Start with {@link dev.tenon.transport.TenonPort} on the publisher's side and {@link
 * dev.tenon.transport.HttpFeedTransport} on the subscriber's. What goes over the wire is written in
 * {@code docs/protocol.md}. Knows nothing of databases, and never looks into a payload.
 */
@NullMarked
package dev.tenon.transport;

import org.jspecify.annotations.NullMarked;
