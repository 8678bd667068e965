/**
 * gRPC between services: handlers on the Tenon port, and channels that call services by name.
 *
 * <p>Start at {@link dev.tenon.grpc.GrpcPortService} on the side that is called, and at {@link
 * dev.tenon.grpc.GrpcChannels} on the side that calls. {@link dev.tenon.grpc.StatusMapping} says
 * how errors are told, the same as over REST. Knows no endpoints and no retries: those are {@link
 * dev.tenon.invocation.Calls}'.
 */
@NullMarked
package dev.tenon.grpc;

import org.jspecify.annotations.NullMarked;
