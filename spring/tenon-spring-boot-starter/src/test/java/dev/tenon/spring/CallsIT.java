package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.invocation.CallContext;
import dev.tenon.rest.RestClients;
import dev.tenon.rest.RestService;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transport.PortService;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpStatus;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.service.annotation.GetExchange;

/** Two Boot applications, one of which calls the other while it serves a user. */
class CallsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  /** What the two share. */
  public interface StockApi {
    @GetExchange("/stock/{product}")
    String stock(@PathVariable("product") String product);
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class Stock {
    @Bean
    PortService stockApi() {
      return RestService.of(StockApi.class, Stock::stock).build();
    }

    private static String stock(String product) {
      if (product.equals("none")) {
        throw new ResponseStatusException(HttpStatus.NOT_FOUND, "No product none.");
      }
      CallContext context = CallContext.current();
      return product
          + " for "
          + context.principal().orElse("nobody")
          + " in "
          + context.traceparent().orElse("no trace");
    }
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  @RestController
  static class Shop {
    private final StockApi stock;

    Shop(RestClients clients) {
      stock = clients.client("stock", StockApi.class);
    }

    @GetMapping("/products/{product}")
    String product(@PathVariable("product") String product) {
      return stock.stock(product);
    }

    @Bean
    static SecurityFilterChain security(HttpSecurity http) throws Exception {
      return http.authorizeHttpRequests(all -> all.anyRequest().authenticated())
          .httpBasic(basic -> {})
          .build();
    }

    @Bean
    static UserDetailsService people() {
      return new InMemoryUserDetailsManager(
          User.withUsername("ann").password("{noop}secret").roles("USER").build());
    }
  }

  private static ConfigurableApplicationContext stock;
  private static ConfigurableApplicationContext shop;

  @BeforeAll
  static void start() {
    stock = BootService.start(Stock.class, "stock", postgres.freshDatabase("stock"));
    String address = BootService.addressOf("stock", stock);
    shop = BootService.start(Shop.class, "shop", postgres.freshDatabase("shop"), address);
  }

  @AfterAll
  static void stop() {
    shop.close();
    stock.close();
  }

  @Test
  void aCallGoesOnBehalfOfTheUserAndInHisTraceAndBelievesHimNothingElse() throws Exception {
    var answer = get("/products/nut", "traceparent", "00-1-2-01", "tenon-principal", "root");

    assertThat(answer.body()).isEqualTo("nut for ann in 00-1-2-01");
  }

  @Test
  void aProblemOfTheCalledServiceIsPassedOnAsABadGateway() throws Exception {
    var answer = get("/products/none", "x", "y");

    assertThat(answer.statusCode()).isEqualTo(502);
    assertThat(answer.headers().firstValue("content-type")).contains("application/problem+json");
    assertThat(answer.body()).contains("remote-problem", "service=stock", "No product none.");
  }

  @Test
  void aDeadlineThatCannotBeReadIsAnsweredWithAProblem() throws Exception {
    var answer = get("/products/nut", "tenon-timeout", "soon");

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains("tenon-timeout: unreadable");
  }

  private static HttpResponse<String> get(String path, String... headers) throws Exception {
    String port = shop.getEnvironment().getProperty("local.server.port");
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .headers(headers)
                .header("authorization", "Basic YW5uOnNlY3JldA==")
                .build(),
            HttpResponse.BodyHandlers.ofString());
  }
}
