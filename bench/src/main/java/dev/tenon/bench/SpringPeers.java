package dev.tenon.bench;

import io.grpc.ManagedChannel;
import java.net.http.HttpClient;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.grpc.server.autoconfigure.GrpcServerExecutorProvider;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.grpc.client.GrpcChannelFactory;
import org.springframework.grpc.server.lifecycle.GrpcServerLifecycle;
import org.springframework.grpc.server.service.GrpcService;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;

/** Spring Boot as it comes, with handlers on virtual threads: over REST, and over gRPC. */
final class SpringPeers {
  private static final String[] NOT_NEEDED = {
    "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration",
    "io.namastack.outbox.OutboxJacksonAutoConfiguration",
    "io.namastack.outbox.config.OutboxCoreInfrastructureAutoConfiguration",
    "io.namastack.outbox.config.OutboxCoreThreadingAutoConfiguration",
    "io.namastack.outbox.config.OutboxCoreProcessingAutoConfiguration",
    "io.namastack.outbox.config.OutboxCoreSchedulingAutoConfiguration",
    "io.namastack.outbox.config.OutboxCoreMulticasterAutoConfiguration",
    "io.namastack.outbox.config.JdbcOutboxAutoConfiguration",
    "io.namastack.outbox.config.JdbcOutboxSchemaAutoConfiguration",
  };

  private SpringPeers() {}

  private static ConfigurableApplicationContext start(Class<?> application, String... properties) {
    return new SpringApplicationBuilder(application)
        .properties(
            "spring.threads.virtual.enabled=true",
            "spring.main.banner-mode=off",
            "spring.autoconfigure.exclude=" + String.join(",", NOT_NEEDED))
        .properties(properties)
        .run();
  }

  /**
   * Spring MVC on Tomcat, and RestClient on the JDK's client, over kept HTTP/1.1 connections. (Over
   * HTTP/2 without TLS, Tomcat cut the JDK client's connections under load.)
   */
  static final class SpringRest implements CallPeer {
    @Override
    public String name() {
      return "spring";
    }

    @Override
    public String group() {
      return "rest";
    }

    @Override
    public Line open() {
      ConfigurableApplicationContext context = start(RestApplication.class, "server.port=0");
      String port = context.getEnvironment().getProperty("local.server.port");
      // As Boot's own client does with virtual threads: on its default pool the JDK's client takes
      // more than twice the processor time.
      ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
      HttpClient http =
          HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).executor(threads).build();
      RestClient client =
          RestClient.builder()
              .baseUrl("http://127.0.0.1:" + port)
              .requestFactory(new JdkClientHttpRequestFactory(http))
              .build();
      return new Line() {
        @Override
        public String greet(String name) {
          RestPeers.Greeting greeting =
              client
                  .post()
                  .uri(RestPeers.PATH)
                  .body(new RestPeers.Hello(name))
                  .retrieve()
                  .body(RestPeers.Greeting.class);
          return greeting == null ? "" : greeting.text();
        }

        @Override
        public void close() {
          http.close();
          threads.close();
          context.close();
        }
      };
    }
  }

  /** The service over REST. */
  @SpringBootConfiguration
  @EnableAutoConfiguration
  @RestController
  static class RestApplication {
    @PostMapping(RestPeers.PATH)
    RestPeers.Greeting greet(@RequestBody RestPeers.Hello hello) {
      return RestPeers.answer(hello);
    }
  }

  /** Boot's gRPC server, which is grpc-java on Netty, and a stub on a channel of its factory. */
  static final class SpringGrpc implements CallPeer {
    @Override
    public String name() {
      return "spring";
    }

    @Override
    public String group() {
      return "grpc";
    }

    @Override
    public Line open() {
      ConfigurableApplicationContext context =
          start(
              GrpcApplication.class,
              "spring.main.web-application-type=none",
              "spring.grpc.server.port=0");
      int port = context.getBean(GrpcServerLifecycle.class).getPort();
      ManagedChannel channel =
          context.getBean(GrpcChannelFactory.class).createChannel("static://127.0.0.1:" + port);
      return new GrpcPeers.StubLine(GreeterGrpc.newBlockingStub(channel), context::close);
    }
  }

  /** The service over gRPC. */
  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class GrpcApplication {
    /**
     * Spring gRPC's handlers do not follow {@code spring.threads.virtual.enabled} by themselves.
     */
    @Bean
    GrpcServerExecutorProvider handlerThreads() {
      ExecutorService threads = TenonPair.handlerThreads();
      return () -> threads;
    }

    @GrpcService
    static class Greeter extends GrpcPeers.Greeter {}
  }
}
