package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tenon.grpc.CallFailures;
import dev.tenon.grpc.GrpcCallOptions;
import dev.tenon.grpc.GrpcChannels;
import dev.tenon.grpc.StatusMapping;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.spring.greeter.GreeterGrpc;
import dev.tenon.spring.greeter.Greeting;
import dev.tenon.testing.database.PostgresExtension;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.grpc.client.ImportGrpcClients;
import org.springframework.grpc.server.GlobalServerInterceptor;
import org.springframework.grpc.server.lifecycle.GrpcServerLifecycle;
import org.springframework.grpc.server.service.GrpcService;

/** Two Boot applications with Spring gRPC, one of which calls the other by its name. */
class GrpcIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final String NO_WEB = "spring.main.web-application-type=none";
  private static final AtomicInteger RUNS = new AtomicInteger();
  private static final AtomicInteger INTERCEPTED = new AtomicInteger();

  @GrpcService
  static class Greeter extends GreeterGrpc.GreeterImplBase {
    @Override
    @Idempotent
    public void greet(Greeting greeting, StreamObserver<Greeting> observer) {
      RUNS.incrementAndGet();
      if (greeting.getText().isEmpty()) {
        throw StatusMapping.exception(Problem.of(422, "nobody", "Greet somebody."));
      }
      String principal = CallContext.current().principal().orElse("nobody");
      observer.onNext(
          Greeting.newBuilder().setText(greeting.getText() + " from " + principal).build());
      observer.onCompleted();
    }
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class Hall {
    @Bean
    Greeter greeter() {
      return new Greeter();
    }

    @Bean
    @GlobalServerInterceptor
    ServerInterceptor counting() {
      return new ServerInterceptor() {
        @Override
        public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
          INTERCEPTED.incrementAndGet();
          return next.startCall(call, headers);
        }
      };
    }
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  @ImportGrpcClients(target = "tenon:hall", types = GreeterGrpc.GreeterBlockingStub.class)
  static class Guest {}

  private static ConfigurableApplicationContext hall;
  private static ConfigurableApplicationContext guest;

  @BeforeAll
  static void start() {
    hall = BootService.start(Hall.class, "hall", postgres.freshDatabase("hall"), NO_WEB);
    String address = BootService.addressOf("hall", hall);
    guest =
        BootService.start(Guest.class, "guest", postgres.freshDatabase("guest"), address, NO_WEB);
  }

  @AfterAll
  static void stop() {
    guest.close();
    hall.close();
  }

  @Test
  void callsAHandlerByTheNameOfItsServiceThroughAnImportedStub() throws Exception {
    var stub = guest.getBean(GreeterGrpc.GreeterBlockingStub.class);
    int before = INTERCEPTED.get();

    Greeting answer =
        CallContext.EMPTY
            .withPrincipal("ann")
            .call(() -> stub.greet(Greeting.newBuilder().setText("hello").build()));

    assertThat(answer.getText()).isEqualTo("hello from ann");
    assertThat(INTERCEPTED).hasValue(before + 1);
  }

  @Test
  void answersAKeyOnceAndGivesTypedFailures() {
    var stub = GreeterGrpc.newBlockingStub(guest.getBean(GrpcChannels.class).channel("hall"));
    var keyed = stub.withOption(GrpcCallOptions.IDEMPOTENCY_KEY, "greeting-1");
    Greeting hello = Greeting.newBuilder().setText("hello").build();
    int before = RUNS.get();

    keyed.greet(hello);
    keyed.greet(hello);
    RemoteProblemException failure =
        catchThrowableOfType(
            RemoteProblemException.class,
            () -> CallFailures.typed(() -> stub.greet(Greeting.getDefaultInstance())));

    assertThat(RUNS).hasValue(before + 2);
    assertThat(failure.problem().reason()).hasValue("nobody");
    assertThat(failure.service()).isEqualTo("hall");
  }

  @Test
  void opensNoGrpcServerBesideTheTenonPort() {
    assertThat(hall.getBeanNamesForType(GrpcServerLifecycle.class)).isEmpty();
    assertThat(guest.getBeanNamesForType(GrpcServerLifecycle.class)).isEmpty();
    assertThat(guest.getBean(TenonNetwork.class).port()).isEmpty();
  }
}
