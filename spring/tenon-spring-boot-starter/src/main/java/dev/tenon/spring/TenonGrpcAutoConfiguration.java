package dev.tenon.spring;

import dev.tenon.global.Participant;
import dev.tenon.grpc.GrpcChannels;
import dev.tenon.grpc.GrpcPortService;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceClient;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.grpc.server.GrpcServerFactory;
import org.springframework.grpc.server.exception.GrpcExceptionHandler;
import org.springframework.grpc.server.service.GrpcServiceConfigurer;
import org.springframework.grpc.server.service.GrpcServiceDiscoverer;
import org.springframework.grpc.server.service.GrpcServiceSpec;

/**
 * Serves gRPC handlers, which are beans, on the Tenon port, and makes {@link GrpcChannels} to other
 * services. Where Spring gRPC is there, its handlers are served with its interceptors, and Boot
 * opens no gRPC server of its own.
 */
@AutoConfiguration(
    after = TenonCallsAutoConfiguration.class,
    beforeName = {
      "org.springframework.boot.grpc.server.autoconfigure.GrpcServerAutoConfiguration",
      "org.springframework.boot.grpc.server.autoconfigure.GrpcServerServicesAutoConfiguration"
    })
@ConditionalOnClass({GrpcPortService.class, BindableService.class})
public final class TenonGrpcAutoConfiguration {
  private static final String DISCOVERER =
      "org.springframework.grpc.server.service.GrpcServiceDiscoverer";
  private static final String BOOT =
      "org.springframework.boot.grpc.server.autoconfigure.GrpcServerAutoConfiguration";

  /** Made by Spring. */
  TenonGrpcAutoConfiguration() {}

  @Bean
  @Lazy
  @ConditionalOnMissingBean
  GrpcChannels tenonGrpcChannels(ServiceClient client, TenonRuntime runtime) {
    return GrpcChannels.builder(client).runtime(runtime).build();
  }

  /** Without Spring gRPC: handlers are beans, and that is all. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnMissingClass(BOOT)
  @ConditionalOnBean(BindableService.class)
  static final class Alone {
    @Bean
    PortService tenonGrpcService(
        ObjectProvider<BindableService> handlers,
        ObjectProvider<IdempotentReceiver> receiver,
        ObjectProvider<Participant> participant) {
      GrpcPortService.Builder builder = GrpcPortService.builder();
      receiver.ifUnique(builder::idempotent);
      participant.ifUnique(builder::participant);
      handlers.orderedStream().forEach(builder::service);
      return builder.build();
    }
  }

  /** With Spring gRPC: what it finds, behind its interceptors. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(name = {BOOT, DISCOVERER})
  @ConditionalOnBean(BindableService.class)
  @ConditionalOnBooleanProperty(name = "spring.grpc.server.enabled", matchIfMissing = true)
  static final class Joined {
    @Bean
    @ConditionalOnMissingBean(GrpcServerFactory.class)
    TenonServerFactory tenonGrpcServerFactory() {
      return new TenonServerFactory();
    }

    @Bean
    @ConditionalOnBean(TenonServerFactory.class)
    PortService tenonGrpcService(
        TenonServerFactory factory,
        GrpcServiceDiscoverer discoverer,
        GrpcServiceConfigurer configurer,
        ObjectProvider<IdempotentReceiver> receiver,
        ObjectProvider<Participant> participant) {
      GrpcPortService.Builder builder = GrpcPortService.builder();
      receiver.ifUnique(builder::idempotent);
      participant.ifUnique(builder::participant);
      for (GrpcServiceSpec spec : discoverer.findServices()) {
        String name = spec.service().bindService().getServiceDescriptor().getName();
        if (!isServedAnyway(name)) {
          builder.service(
              spec.service(),
              definition ->
                  configurer.configure(
                      new GrpcServiceSpec(() -> definition, spec.serviceInfo()), factory));
        }
      }
      return builder.build();
    }

    /** Spring gRPC's own handling, which comes last, keeps the status and drops its details. */
    @Bean
    @Order(Ordered.LOWEST_PRECEDENCE)
    GrpcExceptionHandler tenonGrpcExceptionHandler() {
      return failure ->
          failure instanceof StatusRuntimeException e
              ? new StatusException(e.getStatus(), e.getTrailers())
              : null;
    }

    private static boolean isServedAnyway(String name) {
      return name.startsWith("grpc.reflection.") || name.startsWith("grpc.health.");
    }
  }

  /** Stands for the Tenon port where Boot asks whether a server is there. */
  static final class TenonServerFactory implements GrpcServerFactory {
    @Override
    public Server createServer() {
      throw new UnsupportedOperationException(
          "Could not create a gRPC server: handlers are served on the Tenon port. Define a"
              + " GrpcServerFactory to serve them elsewhere.");
    }

    @Override
    public void addService(ServerServiceDefinition service) {
      throw new UnsupportedOperationException(
          "Could not add a gRPC service ["
              + service.getServiceDescriptor().getName()
              + "]: the Tenon port serves beans. Make it a bean.");
    }
  }
}
