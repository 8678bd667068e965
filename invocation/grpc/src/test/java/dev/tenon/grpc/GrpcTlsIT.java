package dev.tenon.grpc;

import static dev.tenon.grpc.StockService.item;
import static dev.tenon.grpc.StockService.reserved;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.certificates.CertificateFiles;
import dev.tenon.certificates.CertificateFiles.Existing;
import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TlsFiles;
import io.grpc.Channel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** gRPC between ports that know each other by their certificates. */
@Timeout(120)
class GrpcTlsIT {
  @TempDir private Path directory;

  private ServiceIdentity certified(String service) {
    CertificateFiles.in(directory).issue(service, Duration.ofDays(1), Existing.KEEP, List.of());
    return ServiceIdentity.certified(service, TlsFiles.in(directory, service));
  }

  @Test
  void carriesUnaryCallsAndStreams() throws Exception {
    try (Ports ports = new Ports(certified("stock"), certified("shop"))) {
      Channel channel = ports.channel(ports.port(StockService.echo()).address());
      var stub = StockGrpc.newBlockingStub(channel);

      assertThat(stub.reserve(item("x"))).isEqualTo(reserved("x"));
      assertThat(stub.watch(Item.newBuilder().setName("x").setCount(50).build()))
          .toIterable()
          .hasSize(50);
    }
  }
}
