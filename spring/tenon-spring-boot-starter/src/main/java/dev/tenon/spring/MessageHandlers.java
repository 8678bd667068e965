package dev.tenon.spring;

import dev.tenon.messaging.MessageConsumer;
import dev.tenon.messaging.MessageContext;
import dev.tenon.messaging.Subscription;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.util.ReflectionUtils;

/**
 * Makes subscriptions of the {@link MessageHandler} methods of all beans. Looks at the beans' types
 * only: a handler may itself need the outbox that is built with these subscriptions.
 */
final class MessageHandlers {
  private final ConfigurableListableBeanFactory beans;

  private record Handler(String bean, Method method, MessageHandler declared) {
    String describe() {
      return method.getDeclaringClass().getName() + "." + method.getName();
    }
  }

  MessageHandlers(ConfigurableListableBeanFactory beans) {
    this.beans = beans;
  }

  /** One subscription for each publisher and name. */
  List<Subscription> subscriptions() {
    Map<String, Subscription.Builder> builders = new LinkedHashMap<>();
    Map<String, Handler> first = new LinkedHashMap<>();
    for (String bean : beans.getBeanNamesForType(Object.class, true, false)) {
      for (Handler handler : handlersOf(bean)) {
        String id = handler.declared().from() + "/" + handler.declared().subscription();
        checkSameStart(id, first.computeIfAbsent(id, any -> handler), handler);
        builders
            .computeIfAbsent(id, any -> begin(handler.declared()))
            .on(handler.declared().topic(), registration(handler));
      }
    }
    return builders.values().stream().map(Subscription.Builder::build).toList();
  }

  private List<Handler> handlersOf(String bean) {
    if (ScopedProxyUtils.isScopedTarget(bean)) {
      return List.of(); // its proxy stands for it
    }
    Class<?> type = AutoProxyUtils.determineTargetClass(beans, bean);
    if (type == null || !AnnotationUtils.isCandidateClass(type, MessageHandler.class)) {
      return List.of();
    }
    Map<Method, MessageHandler> found =
        MethodIntrospector.selectMethods(
            type,
            (MethodIntrospector.MetadataLookup<MessageHandler>)
                method -> AnnotatedElementUtils.findMergedAnnotation(method, MessageHandler.class));
    return found.entrySet().stream()
        .map(entry -> new Handler(bean, entry.getKey(), entry.getValue()))
        .toList();
  }

  private static void checkSameStart(String id, Handler first, Handler handler) {
    if (first.declared().start() != handler.declared().start()) {
      throw new SetupException(
          "Handlers of subscription "
              + id
              + " begin at different places: "
              + first.describe()
              + " and "
              + handler.describe()
              + ".",
          "Give them the same start, or different subscriptions.");
    }
  }

  private static Subscription.Builder begin(MessageHandler declared) {
    return Subscription.to(declared.from())
        .named(declared.subscription())
        .startingFrom(declared.start());
  }

  private Subscription.Registration<?> registration(Handler handler) {
    Class<?>[] parameters = handler.method().getParameterTypes();
    boolean wantsContext = parameters.length == 2 && parameters[1] == MessageContext.class;
    if ((parameters.length != 1 && !wantsContext) || parameters[0] == MessageContext.class) {
      throw new SetupException(
          "The message handler " + handler.describe() + " has the wrong parameters.",
          "Let it take the payload, and if needed a MessageContext after it.");
    }
    Set<Integer> versions =
        Arrays.stream(handler.declared().versions()).boxed().collect(Collectors.toSet());
    return registration(parameters[0], versions, handler, wantsContext);
  }

  private <T> Subscription.Registration<T> registration(
      Class<T> type, Set<Integer> versions, Handler handler, boolean wantsContext) {
    MessageConsumer<T> consumer =
        (payload, context) -> {
          if (wantsContext) {
            invoke(handler, payload, context);
          } else {
            invoke(handler, payload);
          }
        };
    return new Subscription.Registration<>(type, versions, consumer);
  }

  private void invoke(Handler handler, Object... arguments) throws Exception {
    Object bean = beans.getBean(handler.bean());
    Method method = AopUtils.selectInvocableMethod(handler.method(), bean.getClass());
    ReflectionUtils.makeAccessible(method);
    try {
      method.invoke(bean, arguments);
    } catch (InvocationTargetException e) {
      ReflectionUtils.rethrowException(e.getTargetException());
    }
  }
}
