package dev.tenon.spring;

import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.rest.RestClients;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transport.ServiceClient;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Lazy;

/**
 * Lets a service call others by their names: {@link RestClients} makes typed clients. Nothing of it
 * is made before somebody asks for it.
 */
@AutoConfiguration(after = TenonAutoConfiguration.class)
@EnableConfigurationProperties(TenonCallsProperties.class)
public final class TenonCallsAutoConfiguration {
  /** Made by Spring. */
  TenonCallsAutoConfiguration() {}

  @Bean
  @Lazy
  @ConditionalOnMissingBean
  EndpointSource tenonEndpoints(TenonProperties properties) {
    return EndpointSource.of(properties.addresses());
  }

  @Bean
  @Lazy
  @ConditionalOnMissingBean
  Calls tenonCalls(
      EndpointSource endpoints,
      TenonCallsProperties properties,
      TenonRuntime runtime,
      ObjectProvider<MeterRegistry> meters) {
    CallPolicy policy = properties.policy();
    Calls.Builder builder = Calls.builder(endpoints).policy(policy).runtime(runtime);
    properties.policies().forEach((name, own) -> builder.policy(name, own.over(policy)));
    meters.ifUnique(builder::meters);
    return builder.build();
  }

  @Bean
  @Lazy
  @ConditionalOnMissingBean
  ServiceClient tenonServiceClient(
      TenonProperties properties, TenonCallsProperties settings, Calls calls) {
    return ServiceClient.builder(TenonNetwork.identity(properties), calls)
        .connectTimeout(settings.connectTimeout())
        .build();
  }

  @Bean
  @Lazy
  @ConditionalOnMissingBean
  RestClients tenonRestClients(ServiceClient client, TenonRuntime runtime) {
    return RestClients.of(client, runtime.ids());
  }
}
