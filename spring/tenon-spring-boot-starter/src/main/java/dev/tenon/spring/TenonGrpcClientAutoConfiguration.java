package dev.tenon.spring;

import dev.tenon.grpc.GrpcChannels;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;
import org.springframework.grpc.client.GrpcChannelFactory;

/**
 * Lets Spring gRPC's clients name services: a channel with the target {@code tenon:stock} goes to
 * the service {@code stock}, wherever its instances are.
 */
@AutoConfiguration(
    after = TenonGrpcAutoConfiguration.class,
    afterName = "org.springframework.boot.grpc.client.autoconfigure.GrpcClientAutoConfiguration",
    beforeName = TenonGrpcClientAutoConfiguration.COMPOSITE)
@ConditionalOnClass({GrpcChannels.class, GrpcChannelFactory.class})
public final class TenonGrpcClientAutoConfiguration {
  static final String COMPOSITE =
      "org.springframework.boot.grpc.client.autoconfigure"
          + ".CompositeChannelFactoryAutoConfiguration";

  /** Made by Spring. */
  TenonGrpcClientAutoConfiguration() {}

  @Bean
  @Order(Ordered.HIGHEST_PRECEDENCE) // the others take whatever target they are asked for
  GrpcChannelFactory tenonGrpcChannelFactory(
      ObjectProvider<GrpcChannels> channels, Environment environment, ListableBeanFactory beans) {
    return new TenonChannelFactory(channels::getObject, environment, beans);
  }
}
