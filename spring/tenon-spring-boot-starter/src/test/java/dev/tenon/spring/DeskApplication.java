package dev.tenon.spring;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.invocation.Idempotent;
import jakarta.persistence.EntityManager;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** A service with idempotent operations, and every way in which they can end. */
@SpringBootConfiguration
@EnableAutoConfiguration
@Import({DeskApplication.Purchases.class, DeskApplication.Desk.class})
class DeskApplication {

  /** What a test holds still, or breaks. */
  record Levers(SpiedDatabase database, CountDownLatch running, CountDownLatch mayEnd) {}

  @Bean(destroyMethod = "close")
  DataSource dataSource(Levers levers) {
    HikariDataSource pool = new HikariDataSource();
    pool.setDataSource(levers.database());
    pool.setConnectionTimeout(10_000);
    return pool;
  }

  @Bean
  SecurityFilterChain security(HttpSecurity security) throws Exception {
    return security
        .csrf(csrf -> csrf.disable())
        .httpBasic(Customizer.withDefaults())
        .authorizeHttpRequests(requests -> requests.anyRequest().permitAll())
        .build();
  }

  @Bean
  UserDetailsService users() {
    return new InMemoryUserDetailsManager(
        User.withUsername("ann").password("{noop}x").build(),
        User.withUsername("bob").password("{noop}x").build());
  }

  record NewPurchase(String product) {}

  record Bought(String id, String product) {}

  static final class UnknownProductException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  @Service
  static class Purchases {
    private final EntityManager entities;
    private final Levers levers;

    Purchases(EntityManager entities, Levers levers) {
      this.entities = entities;
      this.levers = levers;
    }

    @Transactional
    public Bought buy(String product) throws InterruptedException {
      String id = UUID.randomUUID().toString();
      entities.persist(new Purchase(id, product));
      switch (product) {
        case "sold-out" -> throw new ResponseStatusException(HttpStatus.CONFLICT, "sold out");
        case "unknown" -> throw new UnknownProductException();
        case "broken" -> throw new IllegalStateException("out of paper");
        case "killed" -> levers.database().killAtNextCommitOfThisThread();
        case "slow" -> {
          levers.running().countDown();
          boolean unused = levers.mayEnd().await(60, TimeUnit.SECONDS);
        }
        default -> {}
      }
      return new Bought(id, product);
    }
  }

  @RestController
  static class Desk {
    private final Purchases purchases;

    Desk(Purchases purchases) {
      this.purchases = purchases;
    }

    @Idempotent
    @PostMapping("/purchases")
    ResponseEntity<Object> buy(@RequestBody NewPurchase wanted, HttpServletResponse response)
        throws InterruptedException {
      response.addCookie(new Cookie("seen", "yes"));
      Bought bought = purchases.buy(wanted.product());
      return switch (wanted.product()) {
        case "busy" -> ResponseEntity.status(HttpStatus.TOO_MANY_REQUESTS).body("later");
        case "large" -> ResponseEntity.ok("x".repeat(2048));
        default -> ResponseEntity.created(URI.create("/purchases/" + bought.id())).body(bought);
      };
    }

    @ExceptionHandler
    ProblemDetail unknown(UnknownProductException unused) {
      return ProblemDetail.forStatusAndDetail(HttpStatus.NOT_FOUND, "no such product");
    }

    @Idempotent(required = true)
    @PutMapping("/purchases/{id}")
    String put(@RequestBody String product) throws InterruptedException {
      return purchases.buy(product).id();
    }

    @Idempotent
    @PostMapping("/form")
    String form(@RequestParam String product) throws InterruptedException {
      return purchases.buy(product).id();
    }

    @PostMapping("/plain")
    String plain(@RequestBody String product) throws InterruptedException {
      return purchases.buy(product).id();
    }

    @Idempotent
    @PostMapping("/async")
    String async(HttpServletRequest request) throws IOException {
      request.startAsync();
      return "later";
    }
  }
}
