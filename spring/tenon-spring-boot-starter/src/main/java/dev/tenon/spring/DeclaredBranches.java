package dev.tenon.spring;

import dev.tenon.global.BranchType;
import dev.tenon.global.Compensated;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.XaBranch;
import dev.tenon.transaction.UnitOfWork;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.util.ReflectionUtils;
import tools.jackson.databind.JsonNode;

/**
 * The branch types that beans declare by {@link Compensated}, {@link TryConfirmCancel} and {@link
 * XaBranch}. Looks at the beans' types only: a bean may itself need what is built with these types.
 */
final class DeclaredBranches {
  private static final List<Class<? extends Annotation>> MARKS =
      List.of(Compensated.class, TryConfirmCancel.class, XaBranch.class);

  private final ConfigurableListableBeanFactory beans;
  private final Map<Method, Declared> declared = new LinkedHashMap<>();

  /**
   * A method that opens a branch.
   *
   * @param type its branch
   * @param arguments which of its arguments are kept
   * @param required whether it may run under a transaction only
   */
  record Declared(BranchType<JsonNode> type, BranchArguments arguments, boolean required) {}

  DeclaredBranches(ConfigurableListableBeanFactory beans) {
    this.beans = beans;
    for (String bean : beans.getBeanNamesForType(Object.class, true, false)) {
      if (!ScopedProxyUtils.isScopedTarget(bean)) {
        Class<?> type = AutoProxyUtils.determineTargetClass(beans, bean);
        if (type != null && isCandidate(type)) {
          add(bean, type);
        }
      }
    }
  }

  /** Whether a class may declare a branch. */
  static boolean isCandidate(Class<?> type) {
    return OnGlobalTransactions.isApplications(type)
        && AnnotationUtils.isCandidateClass(type, MARKS);
  }

  /** Whether a method declares a branch. */
  static boolean isDeclared(Method method) {
    return MARKS.stream().anyMatch(mark -> AnnotatedElementUtils.hasAnnotation(method, mark));
  }

  /** The types, to be declared to the participant. */
  List<BranchType<?>> types() {
    return declared.values().stream().<BranchType<?>>map(Declared::type).toList();
  }

  /** What a method declares. */
  Optional<Declared> find(Method method, @Nullable Class<?> target) {
    Method own = target == null ? method : AopUtils.getMostSpecificMethod(method, target);
    return Optional.ofNullable(declared.get(own));
  }

  private void add(String bean, Class<?> type) {
    for (Method method :
        MethodIntrospector.selectMethods(
            type, (ReflectionUtils.MethodFilter) DeclaredBranches::isDeclared)) {
      Compensated compensated =
          AnnotatedElementUtils.findMergedAnnotation(method, Compensated.class);
      TryConfirmCancel tcc =
          AnnotatedElementUtils.findMergedAnnotation(method, TryConfirmCancel.class);
      XaBranch xa = AnnotatedElementUtils.findMergedAnnotation(method, XaBranch.class);
      BranchArguments arguments = BranchArguments.of(method);
      requireOne(method);
      if (compensated != null) {
        BranchType<JsonNode> branch =
            BranchType.saga(
                name(compensated.type(), method),
                JsonNode.class,
                end(bean, type, method, compensated.by()));
        declared.put(method, new Declared(branch, arguments, false));
      } else if (tcc != null) {
        BranchType<JsonNode> branch =
            BranchType.tcc(
                name(tcc.type(), method),
                JsonNode.class,
                end(bean, type, method, tcc.confirm()),
                end(bean, type, method, tcc.cancel()));
        declared.put(method, new Declared(branch, arguments, true));
      } else if (xa != null) {
        BranchType<JsonNode> branch = BranchType.xa(name(xa.type(), method), JsonNode.class);
        declared.put(method, new Declared(branch, arguments, false));
      }
    }
  }

  private static void requireOne(Method method) {
    List<String> marks =
        MARKS.stream()
            .filter(mark -> AnnotatedElementUtils.hasAnnotation(method, mark))
            .map(mark -> "@" + mark.getSimpleName())
            .toList();
    if (marks.size() > 1) {
      throw new SetupException(
          "The method " + describe(method) + " is both " + String.join(" and ", marks) + ".",
          "Leave one of them.");
    }
  }

  private static String name(String given, Method method) {
    return given.isEmpty()
        ? method.getDeclaringClass().getSimpleName() + "." + method.getName()
        : given;
  }

  private BranchType.End<JsonNode> end(String bean, Class<?> type, Method opener, String name) {
    Method ending = ending(type, opener, name);
    BranchArguments arguments = BranchArguments.of(opener);
    boolean unit = takesUnit(ending);
    Method invocable =
        AopUtils.selectInvocableMethod(
            ending, beans.getType(bean) == null ? type : beans.getType(bean));
    ReflectionUtils.makeAccessible(invocable);
    return (stored, work) -> {
      List<Object> values = new ArrayList<>(Arrays.asList(arguments.read(stored)));
      if (unit) {
        values.add(work);
      }
      invoke(invocable, beans.getBean(bean), values.toArray());
    };
  }

  private static boolean takesUnit(Method ending) {
    Class<?>[] types = ending.getParameterTypes();
    return types.length > 0 && types[types.length - 1] == UnitOfWork.class;
  }

  private static Method ending(Class<?> type, Method opener, String name) {
    List<Type> expected = BranchArguments.of(opener).types();
    List<Method> named =
        Stream.of(ReflectionUtils.getAllDeclaredMethods(type))
            .filter(method -> method.getName().equals(name) && !method.isBridge())
            .toList();
    for (Method method : named) {
      List<Type> taken = new ArrayList<>(List.of(method.getGenericParameterTypes()));
      if (takesUnit(method)) {
        taken.removeLast();
      }
      if (taken.equals(expected)) {
        return method;
      }
    }
    throw new SetupException(
        "The method "
            + describe(opener)
            + " is ended by '"
            + name
            + "', but there is no such method with the parameters "
            + expected
            + ", or with these and a UnitOfWork.",
        "Write it in the same class, or correct the name.");
  }

  private static void invoke(Method method, Object bean, Object[] arguments) throws Exception {
    try {
      method.invoke(bean, arguments);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case Exception cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    }
  }

  private static String describe(Method method) {
    return method.getDeclaringClass().getSimpleName() + "." + method.getName();
  }
}
