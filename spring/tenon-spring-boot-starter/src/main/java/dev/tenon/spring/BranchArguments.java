package dev.tenon.spring;

import dev.tenon.runtime.Json;
import dev.tenon.transport.IncomingCall;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ClassUtils;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/**
 * Which arguments of a method are kept for what ends its branch, and in which form: all but those
 * that belong to the call itself, as an array of JSON; messages of gRPC as the base64 of their
 * bytes.
 *
 * @param positions where they are among the method's parameters
 * @param types their types
 */
record BranchArguments(List<Integer> positions, List<Type> types) {
  private static final JsonMapper MAPPER = Json.mapper();
  private static final boolean PROTOBUF_PRESENT =
      ClassUtils.isPresent(
          "com.google.protobuf.MessageLite", BranchArguments.class.getClassLoader());
  private static final Set<String> OF_THE_CALL =
      Set.of(
          "io.grpc.stub.StreamObserver", IncomingCall.class.getName(), "java.security.Principal");
  private static final List<String> OF_THE_CALL_PACKAGES =
      List.of("jakarta.servlet.", "org.springframework.");

  /** Copies the lists. */
  BranchArguments {
    positions = List.copyOf(positions);
    types = List.copyOf(types);
  }

  static BranchArguments of(Method method) {
    List<Integer> positions = new ArrayList<>();
    List<Type> types = new ArrayList<>();
    for (int i = 0; i < method.getParameterCount(); i++) {
      String name = method.getParameterTypes()[i].getName();
      if (!OF_THE_CALL.contains(name)
          && OF_THE_CALL_PACKAGES.stream().noneMatch(name::startsWith)) {
        positions.add(i);
        types.add(method.getGenericParameterTypes()[i]);
      }
    }
    return new BranchArguments(positions, types);
  }

  JsonNode write(@Nullable Object[] arguments) {
    ArrayNode kept = MAPPER.createArrayNode();
    for (int position : positions) {
      Object argument = arguments[position];
      boolean message = PROTOBUF_PRESENT && Messages.isMessage(argument);
      kept.add(message ? Messages.write(argument) : MAPPER.valueToTree(argument));
    }
    return kept;
  }

  @Nullable Object[] read(JsonNode kept) {
    if (kept.size() != types.size()) {
      throw new IllegalStateException(
          "arguments: " + kept.size() + " are kept (expected: " + types.size() + ")");
    }
    @Nullable Object[] arguments = new Object[types.size()];
    for (int i = 0; i < arguments.length; i++) {
      Type type = types.get(i);
      JsonNode value = kept.get(i);
      boolean message = PROTOBUF_PRESENT && Messages.isType(type) && !value.isNull();
      arguments[i] =
          message
              ? Messages.read(value, type)
              : MAPPER.treeToValue(value, MAPPER.constructType(type));
    }
    return arguments;
  }

  /** Loaded only where protobuf is on the class path. */
  private static final class Messages {
    private Messages() {}

    static boolean isMessage(@Nullable Object argument) {
      return argument instanceof com.google.protobuf.MessageLite;
    }

    static boolean isType(Type type) {
      return type instanceof Class<?> each
          && com.google.protobuf.MessageLite.class.isAssignableFrom(each);
    }

    static JsonNode write(@Nullable Object argument) {
      if (argument instanceof com.google.protobuf.MessageLite message) {
        return MAPPER.getNodeFactory().binaryNode(message.toByteArray());
      }
      throw new IllegalArgumentException("argument: no message (expected: one)");
    }

    static Object read(JsonNode value, Type type) {
      try {
        return ((Class<?>) type)
            .getMethod("parseFrom", byte[].class)
            .invoke(null, (Object) value.binaryValue());
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("Could not read a message of type " + type + ".", e);
      }
    }
  }
}
