package dev.tenon.spring;

import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Participant;
import dev.tenon.global.SagaType;
import dev.tenon.global.Sagas;
import dev.tenon.global.XaDatabase;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transport.GlobalPortService;
import dev.tenon.transport.HttpGlobalTransport;
import dev.tenon.transport.OperatorsPortService;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceClient;
import io.micrometer.core.instrument.MeterRegistry;
import java.lang.reflect.Method;
import java.util.Set;
import org.springframework.aop.Advisor;
import org.springframework.aop.config.AopConfigUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.StaticMethodMatcherPointcut;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ImportBeanDefinitionRegistrar;
import org.springframework.context.annotation.Role;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.type.AnnotationMetadata;

/**
 * Lets a service start distributed transactions and take part in others', if it has anything to do
 * with them: {@link GlobalTransactional} methods, {@link SagaType} and {@link BranchType} beans,
 * methods with {@link dev.tenon.global.Compensated}, {@link dev.tenon.global.TryConfirmCancel} or
 * {@link dev.tenon.global.XaBranch}, or tables that are opted in by the settings.
 */
@AutoConfiguration(after = {TenonAutoConfiguration.class, TenonCallsAutoConfiguration.class})
@Conditional(OnGlobalTransactions.class)
@EnableConfigurationProperties(TenonGlobalProperties.class)
@Import(TenonGlobalAutoConfiguration.Proxies.class)
public final class TenonGlobalAutoConfiguration {
  /** Outside of {@code @Transactional}, and of what opens the branch. */
  private static final int TRANSACTION_ORDER = Ordered.LOWEST_PRECEDENCE - 200;

  /** Outside of {@code @Transactional}: the branch belongs to the call's unit of work. */
  private static final int BRANCH_ORDER = Ordered.LOWEST_PRECEDENCE - 100;

  /** Made by Spring. */
  TenonGlobalAutoConfiguration() {}

  @Bean
  HttpGlobalTransport tenonGlobalTransport(ServiceClient client, TenonProperties properties) {
    return HttpGlobalTransport.of(client, properties.requiredService());
  }

  @Bean
  AutomaticTablesStart tenonAutomaticTables(
      Transactions transactions, TenonGlobalProperties settings) {
    return new AutomaticTablesStart(transactions.database(), settings.automaticTables());
  }

  @Bean
  DeclaredBranches tenonDeclaredBranches(ConfigurableListableBeanFactory beans) {
    return new DeclaredBranches(beans);
  }

  @Bean
  @ConditionalOnMissingBean
  GlobalTransactions tenonGlobalTransactions(
      Transactions transactions,
      Messaging messaging,
      HttpGlobalTransport transport,
      TenonProperties properties,
      TenonGlobalProperties settings,
      TenonRuntime runtime,
      DeclaredBranches declared,
      ObjectProvider<BranchType<?>> branches,
      ObjectProvider<SagaType<?, ?>> sagas,
      ObjectProvider<XaDatabase> databases,
      ObjectProvider<MeterRegistry> meters) {
    GlobalTransactions.Builder builder =
        GlobalTransactions.builder(transactions, messaging)
            .transport(transport)
            .signer(TenonNetwork.identity(properties).xidSigner())
            .config(settings.config())
            .runtime(runtime);
    declared.types().forEach(builder::branch);
    branches.orderedStream().forEach(builder::branch);
    sagas.orderedStream().forEach(builder::saga);
    databases.orderedStream().forEach(builder::database);
    meters.ifUnique(builder::meters);
    GlobalTransactions global = builder.build();
    transport.answerSelf(global.endpoint());
    return global;
  }

  @Bean
  @ConditionalOnMissingBean
  Participant tenonParticipant(GlobalTransactions global) {
    return global.participant();
  }

  @Bean
  @ConditionalOnMissingBean
  Sagas tenonSagas(GlobalTransactions global) {
    return global.sagas();
  }

  @Bean
  PortService tenonGlobalPortService(GlobalTransactions global) {
    return GlobalPortService.of(global.endpoint());
  }

  @Bean
  PortService tenonOperatorsPortService(
      GlobalTransactions global, TenonGlobalProperties settings, TenonRuntime runtime) {
    return OperatorsPortService.of(
        global.openTransactions(), Set.copyOf(settings.operators()), runtime.clock());
  }

  /** Advisors are made before most beans, so they ask for what they need when they need it. */
  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static Advisor tenonGlobalTransactionAdvisor(
      ObjectProvider<GlobalTransactions> global, ObjectProvider<TenonGlobalProperties> settings) {
    DefaultPointcutAdvisor advisor =
        new DefaultPointcutAdvisor(
            new Starting(),
            new GlobalTransactionInterceptor(
                global::getObject, () -> settings.getObject().timeout()));
    advisor.setOrder(TRANSACTION_ORDER);
    return advisor;
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static Advisor tenonBranchAdvisor(
      ObjectProvider<DeclaredBranches> branches, ObjectProvider<Participant> participant) {
    DefaultPointcutAdvisor advisor =
        new DefaultPointcutAdvisor(
            new Opening(), new BranchInterceptor(branches::getObject, participant::getObject));
    advisor.setOrder(BRANCH_ORDER);
    return advisor;
  }

  /** Methods that start a distributed transaction. */
  private static final class Starting extends StaticMethodMatcherPointcut {
    Starting() {
      setClassFilter(
          type ->
              OnGlobalTransactions.isApplications(type)
                  && AnnotationUtils.isCandidateClass(type, GlobalTransactional.class));
    }

    @Override
    public boolean matches(Method method, Class<?> target) {
      return method.getDeclaringClass() != Object.class
          && GlobalTransactionInterceptor.declared(method, target).isPresent();
    }
  }

  /** Methods that declare a branch. */
  private static final class Opening extends StaticMethodMatcherPointcut {
    Opening() {
      setClassFilter(DeclaredBranches::isCandidate);
    }

    @Override
    public boolean matches(Method method, Class<?> target) {
      return DeclaredBranches.isDeclared(AopUtils.getMostSpecificMethod(method, target));
    }
  }

  /** Makes proxies, where nothing else in the application has them made. */
  static final class Proxies implements ImportBeanDefinitionRegistrar {
    @Override
    public void registerBeanDefinitions(
        AnnotationMetadata metadata, BeanDefinitionRegistry registry) {
      AopConfigUtils.registerAutoProxyCreatorIfNecessary(registry);
      AopConfigUtils.forceAutoProxyCreatorToUseClassProxying(registry);
    }
  }
}
