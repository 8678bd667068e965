package dev.tenon.spring;

import dev.tenon.global.Participant;
import dev.tenon.invocation.Idempotent;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.ServiceDatabase;
import java.util.Optional;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/**
 * Where the application has a web: answers requests while the service's database is away, runs
 * {@link Idempotent} requests once, and lets messages carry on the trace of the request that they
 * come from.
 */
@AutoConfiguration(after = TenonAutoConfiguration.class)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@ConditionalOnClass({DispatcherServlet.class, RestControllerAdvice.class})
public final class TenonWebAutoConfiguration {
  /** Made by Spring. */
  TenonWebAutoConfiguration() {}

  @Bean
  TraceSource tenonRequestTrace() {
    return new RequestTrace();
  }

  @Bean
  @ConditionalOnMissingBean
  DatabaseProblems tenonDatabaseProblems(ServiceDatabase database) {
    return new DatabaseProblems(database);
  }

  @Bean
  IdempotentHandlers tenonIdempotentHandlers(
      ObjectProvider<RequestMappingHandlerMapping> mappings) {
    return new IdempotentHandlers(mappings);
  }

  /** Filters are made before most beans, so it asks for what it needs when it needs it. */
  @Bean
  FilterRegistrationBean<IdempotencyFilter> tenonIdempotencyFilter(
      IdempotentHandlers handlers,
      ObjectProvider<IdempotentReceiver> receiver,
      @Qualifier("handlerExceptionResolver") ObjectProvider<HandlerExceptionResolver> resolver,
      TenonProperties properties) {
    FilterRegistrationBean<IdempotencyFilter> registration =
        new FilterRegistrationBean<>(
            new IdempotencyFilter(
                handlers, receiver::getObject, resolver::getObject, properties.idempotency()));
    registration.setOrder(Ordered.LOWEST_PRECEDENCE);
    return registration;
  }

  /**
   * Right before the one for keys. Without keys, only developers' services believe whoever comes:
   * an xid that is not signed could be anybody's on the port of users.
   */
  @Bean
  FilterRegistrationBean<BranchFilter> tenonBranchFilter(
      IdempotentHandlers handlers,
      ObjectProvider<Participant> participant,
      @Qualifier("handlerExceptionResolver") ObjectProvider<HandlerExceptionResolver> resolver,
      TenonProperties properties) {
    boolean signed = properties.keys().directory() != null || properties.dev();
    FilterRegistrationBean<BranchFilter> registration =
        new FilterRegistrationBean<>(
            new BranchFilter(
                handlers,
                () -> signed ? Optional.ofNullable(participant.getIfUnique()) : Optional.empty(),
                resolver::getObject,
                properties.idempotency()));
    registration.setOrder(Ordered.LOWEST_PRECEDENCE - 1);
    return registration;
  }

  @Bean
  @ConditionalOnMissingBean
  CallProblems tenonCallProblems() {
    return new CallProblems();
  }

  @Bean
  FilterRegistrationBean<CallContextFilter> tenonCallContextFilter(TenonRuntime runtime) {
    FilterRegistrationBean<CallContextFilter> filter =
        new FilterRegistrationBean<>(new CallContextFilter(runtime.clock()));
    filter.setOrder(CallContextFilter.ORDER);
    return filter;
  }

  @Bean
  LostDatabaseResolver tenonLostDatabaseResolver(DatabaseProblems problems) {
    return new LostDatabaseResolver(problems);
  }
}
