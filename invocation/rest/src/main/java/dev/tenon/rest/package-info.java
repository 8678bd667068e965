/**
 * REST between services, from Java interfaces annotated with Spring's {@code @HttpExchange}: a
 * typed client on the one side, a service on the Tenon port (or a Spring MVC controller) on the
 * other. Bodies are JSON; errors are problem documents (RFC 9457).
 *
 * <p>Start at {@link dev.tenon.rest.RestClients} and {@link dev.tenon.rest.RestService}. No Spring
 * container is needed.
 */
@NullMarked
package dev.tenon.rest;

import org.jspecify.annotations.NullMarked;
