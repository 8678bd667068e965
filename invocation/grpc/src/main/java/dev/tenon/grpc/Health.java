package dev.tenon.grpc;

import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.StreamObserver;
import java.util.Set;

/**
 * gRPC's own health protocol. Whoever is answered is answered by a port that serves: one that does
 * not refuses all calls. Watching is not offered, as it would keep a port from stopping.
 */
final class Health extends HealthGrpc.HealthImplBase {
  private final Set<String> services;

  Health(Set<String> services) {
    this.services = Set.copyOf(services);
  }

  @Override
  public void check(HealthCheckRequest request, StreamObserver<HealthCheckResponse> answer) {
    String name = request.getService();
    if (!name.isEmpty() && !services.contains(name)) {
      answer.onError(
          Status.NOT_FOUND
              .withDescription("The service is not known here; known are " + services + ".")
              .asRuntimeException());
      return;
    }
    answer.onNext(HealthCheckResponse.newBuilder().setStatus(ServingStatus.SERVING).build());
    answer.onCompleted();
  }
}
