package dev.tenon.grpc;

import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TenonPort;
import io.grpc.Channel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Real ports of a service "stock", and channels of a service "shop" that call it. */
final class Ports implements AutoCloseable {
  static final Duration LONG = Duration.ofSeconds(60);

  private final List<AutoCloseable> open = new ArrayList<>();
  private final ServiceIdentity stock;
  private final ServiceIdentity shop;

  Ports() {
    this(ServiceIdentity.development("stock"), ServiceIdentity.development("shop"));
  }

  Ports(ServiceIdentity stock, ServiceIdentity shop) {
    this.stock = stock;
    this.shop = shop;
  }

  TenonPort port(StockGrpc.StockImplBase handler) {
    return port(GrpcPortService.of(handler));
  }

  TenonPort port(PortService service) {
    TenonPort port = starting(service);
    port.serve(List.of());
    return port;
  }

  TenonPort starting(PortService service) {
    TenonPort port =
        TenonPort.builder(stock).service(service).graceLimit(Duration.ofSeconds(5)).open();
    open.add(port);
    return port;
  }

  ServiceClient client(CallPolicy policy, String... addresses) {
    Calls calls =
        Calls.builder(EndpointSource.of(Map.of("stock", List.of(addresses))))
            .policy(policy)
            .build();
    open.add(calls);
    ServiceClient client = ServiceClient.builder(shop, calls).build();
    open.add(client);
    return client;
  }

  Channel channel(String... addresses) {
    return channel(CallPolicy.defaults().withTimeout(LONG), addresses);
  }

  Channel channel(CallPolicy policy, String... addresses) {
    return GrpcChannels.of(client(policy, addresses)).channel("stock");
  }

  static String unusedAddress() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return "127.0.0.1:" + socket.getLocalPort();
    }
  }

  @Override
  public void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }
}
