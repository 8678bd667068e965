/**
 * The Tenon port: the server and client that carry the feed between services over HTTP/2, and the
 * identity of each service.
 */
@NullMarked
package dev.tenon.transport;

import org.jspecify.annotations.NullMarked;
