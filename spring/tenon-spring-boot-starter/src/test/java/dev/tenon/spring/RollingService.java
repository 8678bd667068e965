package dev.tenon.spring;

import dev.tenon.rest.RestService;
import dev.tenon.spring.greeter.GreeterGrpc;
import dev.tenon.spring.greeter.Greeting;
import dev.tenon.transport.PortService;
import io.grpc.stub.StreamObserver;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.grpc.server.service.GrpcService;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.GetExchange;
import org.springframework.web.service.annotation.PostExchange;

/**
 * A service over REST and gRPC that notes each call that changes something, as often as it runs.
 */
@SpringBootConfiguration
@EnableAutoConfiguration(
    excludeName = {
      "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration",
      "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration",
      "org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration"
    })
class RollingService {
  /** What is taken from stock. */
  public record Take(String id) {}

  /** What the service serves over REST. Nothing of it is idempotent but looking. */
  public interface StockApi {
    @GetExchange("/stock/{product}")
    String look(@PathVariable("product") String product);

    @PostExchange("/stock")
    Take take(@RequestBody Take take);
  }

  @GrpcService
  static class Greeter extends GreeterGrpc.GreeterImplBase {
    private final JdbcClient jdbc;

    Greeter(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @Override
    public void greet(Greeting greeting, StreamObserver<Greeting> observer) {
      note(jdbc, greeting.getText());
      observer.onNext(greeting);
      observer.onCompleted();
    }
  }

  @Bean
  PortService stock(JdbcClient jdbc) {
    return RestService.of(
            StockApi.class,
            new StockApi() {
              @Override
              public String look(String product) {
                return product;
              }

              @Override
              public Take take(Take take) {
                note(jdbc, take.id());
                return take;
              }
            })
        .build();
  }

  /** Some take long enough to be under way whenever the process is told to stop. */
  private static void note(JdbcClient jdbc, String id) {
    int seconds = id.endsWith("00") ? 1 : 0;
    int unused =
        jdbc.sql("INSERT INTO done (id) SELECT ? FROM pg_sleep(?)").params(id, seconds).update();
  }

  public static void main(String[] args) {
    SpringApplication.run(RollingService.class, args);
  }
}
