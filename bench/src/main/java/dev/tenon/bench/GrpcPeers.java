package dev.tenon.bench;

import com.linecorp.armeria.client.grpc.GrpcClients;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.grpc.GrpcService;
import dev.tenon.grpc.GrpcChannels;
import dev.tenon.grpc.GrpcPortService;
import dev.tenon.transport.HandlerThreads;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;

/** gRPC: Tenon, the library it stands on, and grpc-java. */
final class GrpcPeers {
  private GrpcPeers() {}

  /** The same for all. */
  static class Greeter extends GreeterGrpc.GreeterImplBase {
    @Override
    public void greet(GreetRequest request, StreamObserver<GreetReply> answer) {
      answer.onNext(GreetReply.newBuilder().setText("hello " + request.getName()).build());
      answer.onCompleted();
    }
  }

  /** A stub, and what to close after it. */
  record StubLine(GreeterGrpc.GreeterBlockingStub stub, Runnable end) implements CallPeer.Line {
    @Override
    public String greet(String name) {
      return stub.greet(GreetRequest.newBuilder().setName(name).build()).getText();
    }

    @Override
    public void close() {
      end.run();
    }
  }

  /** Everything on. */
  static final class TenonGrpc implements CallPeer {
    @Override
    public String name() {
      return "tenon";
    }

    @Override
    public String group() {
      return "grpc";
    }

    @Override
    public Line open() {
      TenonPair pair = TenonPair.open(GrpcPortService.of(new Greeter()));
      CallPeer.Line line =
          new StubLine(
              GreeterGrpc.newBlockingStub(GrpcChannels.of(pair.client()).channel(TenonPair.SERVER)),
              pair::close);
      return new CallPeer.Line() {
        @Override
        public String greet(String name) {
          return pair.inContext(() -> line.greet(name));
        }

        @Override
        public void close() throws Exception {
          line.close();
        }
      };
    }
  }

  /** The library alone, with handlers on the same virtual threads. */
  static final class ArmeriaGrpc implements CallPeer {
    @Override
    public String name() {
      return "armeria";
    }

    @Override
    public String group() {
      return "grpc";
    }

    @Override
    public Line open() {
      HandlerThreads threads = TenonPair.handlerThreads();
      GrpcService service =
          GrpcService.builder().addService(new Greeter()).useBlockingTaskExecutor(true).build();
      var builder = Server.builder().http(0).disableServerHeader().disableDateHeader();
      service
          .routes()
          .forEach(
              route ->
                  builder
                      .route()
                      .addRoute(route)
                      .blockingTaskExecutor(threads, true)
                      .build(service));
      Server server = builder.build();
      server.start().join();
      return new StubLine(
          GrpcClients.newClient(
              "gproto+h2c://127.0.0.1:" + server.activeLocalPort(),
              GreeterGrpc.GreeterBlockingStub.class),
          () -> server.stop().join());
    }
  }

  /** grpc-java on Netty, with handlers on virtual threads. */
  static final class GrpcJava implements CallPeer {
    @Override
    public String name() {
      return "grpc-java";
    }

    @Override
    public String group() {
      return "grpc";
    }

    @Override
    public Line open() throws Exception {
      HandlerThreads threads = TenonPair.handlerThreads();
      io.grpc.Server server =
          NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
              .executor(threads)
              .addService(new Greeter())
              .build()
              .start();
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", server.getPort()).usePlaintext().build();
      return new StubLine(
          GreeterGrpc.newBlockingStub(channel),
          () -> {
            channel.shutdownNow();
            server.shutdownNow();
            threads.shutdownNow();
          });
    }
  }
}
