package dev.tenon.grpc;

import dev.tenon.invocation.Idempotent;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the methods that a handler marks with {@link Idempotent}. */
final class IdempotentMethods {
  private static final int PARAMETERS = 2; // the request, and the observer of the reply

  private IdempotentMethods() {}

  /**
   * The marked methods of a handler.
   *
   * @throws IllegalArgumentException if a stream is marked
   */
  static Map<String, Idempotent> of(BindableService handler, ServerServiceDefinition definition) {
    Map<String, Idempotent> marked = new HashMap<>();
    for (ServerMethodDefinition<?, ?> served : definition.getMethods()) {
      MethodDescriptor<?, ?> method = served.getMethodDescriptor();
      Idempotent mark = mark(handler.getClass(), String.valueOf(method.getBareMethodName()));
      if (mark == null) {
        continue;
      }
      if (method.getType() != MethodType.UNARY) {
        throw new IllegalArgumentException(
            "@Idempotent: on %s, a stream (expected: on a unary method)"
                .formatted(method.getFullMethodName()));
      }
      marked.put(method.getFullMethodName(), mark);
    }
    return marked;
  }

  /** Looks in superclasses too: a container may have made a subclass. */
  private static @Nullable Idempotent mark(@Nullable Class<?> type, String bareName) {
    for (Class<?> each = type; each != null; each = each.getSuperclass()) {
      for (Method method : each.getDeclaredMethods()) {
        Idempotent mark = method.getAnnotation(Idempotent.class);
        boolean named = method.getName().equalsIgnoreCase(bareName.replace("_", ""));
        if (mark != null && named && method.getParameterCount() <= PARAMETERS) {
          return mark;
        }
      }
    }
    return null;
  }
}
