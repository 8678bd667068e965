package dev.tenon.grpc;

import dev.tenon.global.Compensated;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.XaBranch;
import dev.tenon.invocation.Idempotent;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The methods of a handler that say how they are to be run.
 *
 * @param idempotent those with {@link Idempotent}, by their full names
 * @param branches the full names of those that declare their branch of a distributed transaction
 */
record MarkedMethods(Map<String, Idempotent> idempotent, Set<String> branches) {
  private static final int PARAMETERS = 2; // the request, and the observer of the reply

  MarkedMethods {
    idempotent = Map.copyOf(idempotent);
    branches = Set.copyOf(branches);
  }

  /** Whether the reply of a method is stored under a distributed transaction. */
  boolean stores(String fullMethodName) {
    return idempotent.containsKey(fullMethodName) || branches.contains(fullMethodName);
  }

  /**
   * The marked methods of a handler.
   *
   * @throws IllegalArgumentException if a stream is marked
   */
  static MarkedMethods of(BindableService handler, ServerServiceDefinition definition) {
    Map<String, Idempotent> idempotent = new HashMap<>();
    Set<String> branches = new HashSet<>();
    for (ServerMethodDefinition<?, ?> served : definition.getMethods()) {
      MethodDescriptor<?, ?> method = served.getMethodDescriptor();
      Idempotent mark = mark(handler, method, Idempotent.class);
      if (mark != null) {
        idempotent.put(method.getFullMethodName(), mark);
      }
      if (mark(handler, method, Compensated.class) != null
          || mark(handler, method, TryConfirmCancel.class) != null
          || mark(handler, method, XaBranch.class) != null) {
        branches.add(method.getFullMethodName());
      }
    }
    return new MarkedMethods(idempotent, branches);
  }

  /** Looks in superclasses too: a container may have made a subclass. */
  private static <M extends Annotation> @Nullable M mark(
      BindableService handler, MethodDescriptor<?, ?> method, Class<M> annotation) {
    String name = String.valueOf(method.getBareMethodName()).replace("_", "");
    for (Class<?> each = handler.getClass(); each != null; each = each.getSuperclass()) {
      for (Method declared : each.getDeclaredMethods()) {
        M mark = declared.getAnnotation(annotation);
        boolean named = declared.getName().equalsIgnoreCase(name);
        if (mark != null && named && declared.getParameterCount() <= PARAMETERS) {
          return unary(method, mark);
        }
      }
    }
    return null;
  }

  private static <M extends Annotation> M unary(MethodDescriptor<?, ?> method, M mark) {
    if (method.getType() != MethodType.UNARY) {
      throw new IllegalArgumentException(
          "@%s: on %s, a stream (expected: on a unary method)"
              .formatted(mark.annotationType().getSimpleName(), method.getFullMethodName()));
    }
    return mark;
  }
}
