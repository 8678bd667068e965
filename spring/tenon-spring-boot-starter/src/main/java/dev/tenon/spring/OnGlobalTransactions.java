package dev.tenon.spring;

import dev.tenon.global.BranchType;
import dev.tenon.global.Compensated;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Participant;
import dev.tenon.global.SagaType;
import dev.tenon.global.Sagas;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.XaBranch;
import java.lang.annotation.Annotation;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.condition.ConditionMessage;
import org.springframework.boot.autoconfigure.condition.ConditionOutcome;
import org.springframework.boot.autoconfigure.condition.SpringBootCondition;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.ConfigurationCondition;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.util.ReflectionUtils;

/** Whether the application has anything to do with distributed transactions. */
final class OnGlobalTransactions extends SpringBootCondition implements ConfigurationCondition {
  private static final String ENABLED = "tenon.global.enabled";
  private static final String TABLES = "tenon.global.automatic-tables";
  private static final List<Class<? extends Annotation>> MARKS =
      List.of(GlobalTransactional.class, Compensated.class, TryConfirmCancel.class, XaBranch.class);
  private static final List<Class<?>> NEEDED =
      List.of(GlobalTransactions.class, Participant.class, Sagas.class);

  @Override
  public ConfigurationPhase getConfigurationPhase() {
    return ConfigurationPhase.REGISTER_BEAN;
  }

  @Override
  public ConditionOutcome getMatchOutcome(
      ConditionContext context, AnnotatedTypeMetadata metadata) {
    ConditionMessage.Builder message = ConditionMessage.forCondition("distributed transactions");
    Boolean set = context.getEnvironment().getProperty(ENABLED, Boolean.class);
    if (Boolean.TRUE.equals(set)) {
      return ConditionOutcome.match(message.because(ENABLED + " is true"));
    }
    ConfigurableListableBeanFactory beans = context.getBeanFactory();
    boolean tables =
        !Binder.get(context.getEnvironment())
            .bind(TABLES, Bindable.listOf(String.class))
            .orElse(List.of())
            .isEmpty();
    String reason = tables ? TABLES + " is set" : beans == null ? null : reason(beans);
    if (reason == null) {
      return ConditionOutcome.noMatch(message.because("no bean needs them"));
    }
    if (Boolean.FALSE.equals(set)) {
      throw new SetupException(
          "tenon.global.enabled is false, but " + reason + ".",
          "Take it out of the application, or do not set tenon.global.enabled.");
    }
    return ConditionOutcome.match(message.because(reason));
  }

  private static @Nullable String reason(ConfigurableListableBeanFactory beans) {
    for (Class<?> type : List.of(BranchType.class, SagaType.class)) {
      if (beans.getBeanNamesForType(type, true, false).length > 0) {
        return "there is a bean of type " + type.getSimpleName();
      }
    }
    for (String bean : beans.getBeanNamesForType(Object.class, true, false)) {
      Class<?> type = beans.getType(bean, false);
      if (type != null && isApplications(type) && AnnotationUtils.isCandidateClass(type, MARKS)) {
        String reason = reason(type);
        if (reason != null) {
          return "the bean " + bean + " " + reason;
        }
      }
    }
    return null;
  }

  /** Spring's own classes have none of it, and not all of them can be looked into. */
  static boolean isApplications(Class<?> type) {
    return !type.getName().startsWith("org.springframework.");
  }

  private static @Nullable String reason(Class<?> type) {
    for (Class<? extends Annotation> mark : MARKS) {
      if (AnnotatedElementUtils.hasAnnotation(type, mark)) {
        return "is @" + mark.getSimpleName();
      }
      for (Method method : ReflectionUtils.getAllDeclaredMethods(type)) {
        if (AnnotatedElementUtils.hasAnnotation(method, mark)) {
          return "has @" + mark.getSimpleName() + " on " + method.getName();
        }
      }
    }
    for (Constructor<?> constructor : type.getDeclaredConstructors()) {
      for (Class<?> parameter : constructor.getParameterTypes()) {
        if (NEEDED.contains(parameter)) {
          return "is made with " + parameter.getSimpleName();
        }
      }
    }
    return null;
  }
}
