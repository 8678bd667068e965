package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.QueryParams;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.Problem;
import dev.tenon.transport.IncomingCall;
import java.lang.annotation.Annotation;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.core.DefaultParameterNameDiscoverer;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.convert.ConversionException;
import org.springframework.core.convert.ConversionService;
import org.springframework.core.convert.TypeDescriptor;
import org.springframework.core.convert.support.DefaultConversionService;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ValueConstants;

/** Where the value of a method's parameter comes from. */
final class RestParameter {
  private static final ConversionService CONVERSION = new DefaultConversionService();
  private static final TypeDescriptor TEXTS =
      TypeDescriptor.collection(List.class, TypeDescriptor.valueOf(String.class));

  private enum Source {
    PATH,
    QUERY,
    HEADER,
    BODY,
    CALL
  }

  private final Source source;
  private final String name;
  private final boolean required;
  private final @Nullable String otherwise;
  private final MethodParameter parameter;
  private final Optional<Bodies.Reader> body;

  private RestParameter(
      Source source,
      String name,
      boolean required,
      @Nullable String otherwise,
      MethodParameter parameter) {
    this.source = source;
    this.name = name;
    this.required = required && parameter.getParameterType() != Optional.class;
    this.otherwise = ValueConstants.DEFAULT_NONE.equals(otherwise) ? null : otherwise;
    this.parameter = parameter;
    this.body =
        source == Source.BODY
            ? Optional.of(Bodies.strictReader(parameter.getGenericParameterType()))
            : Optional.empty();
  }

  static RestParameter of(MethodParameter parameter, String operation) {
    parameter.initParameterNameDiscovery(new DefaultParameterNameDiscoverer());
    PathVariable path = annotation(parameter, PathVariable.class);
    if (path != null) {
      return new RestParameter(Source.PATH, name(path.name(), parameter), true, null, parameter);
    }
    RequestParam query = annotation(parameter, RequestParam.class);
    if (query != null) {
      return new RestParameter(
          Source.QUERY,
          name(query.name(), parameter),
          query.required(),
          query.defaultValue(),
          parameter);
    }
    RequestHeader header = annotation(parameter, RequestHeader.class);
    if (header != null) {
      return new RestParameter(
          Source.HEADER,
          name(header.name(), parameter),
          header.required(),
          header.defaultValue(),
          parameter);
    }
    RequestBody body = annotation(parameter, RequestBody.class);
    if (body != null) {
      return new RestParameter(Source.BODY, "body", body.required(), null, parameter);
    }
    if (parameter.getParameterType() == IncomingCall.class) {
      return new RestParameter(Source.CALL, "call", true, null, parameter);
    }
    throw new IllegalArgumentException(
        ("parameter: number %d of %s (expected: @PathVariable, @RequestParam, @RequestHeader,"
                + " @RequestBody, or an IncomingCall)")
            .formatted(parameter.getParameterIndex() + 1, operation));
  }

  private static <A extends Annotation> @Nullable A annotation(
      MethodParameter parameter, Class<A> type) {
    return AnnotatedElementUtils.getMergedAnnotation(parameter.getParameter(), type);
  }

  private static String name(String given, MethodParameter parameter) {
    String name = given.isEmpty() ? parameter.getParameterName() : given;
    if (name == null) {
      throw new IllegalArgumentException(
          "parameter: number %d of %s has no name (expected: a name in its annotation)"
              .formatted(parameter.getParameterIndex() + 1, parameter.getMethod()));
    }
    return name;
  }

  @Nullable Object value(
      IncomingCall call, ServiceRequestContext context, AggregatedHttpRequest request) {
    return switch (source) {
      case CALL -> call;
      case BODY -> body(request);
      case PATH -> single(context.pathParam(name));
      case HEADER -> single(request.headers().get(name));
      case QUERY -> query(context.queryParams());
    };
  }

  private @Nullable Object body(AggregatedHttpRequest request) {
    byte[] content = request.content().array();
    if (content.length == 0) {
      return absent();
    }
    try {
      return body.orElseThrow().read(content);
    } catch (IllegalArgumentException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
  }

  private @Nullable Object query(QueryParams parameters) {
    List<String> values = parameters.getAll(name);
    return values.isEmpty() && otherwise == null
        ? absent()
        : converted(values.isEmpty() ? List.of(String.valueOf(otherwise)) : values, TEXTS);
  }

  private @Nullable Object single(@Nullable String value) {
    String given = value == null ? otherwise : value;
    return given == null ? absent() : converted(given, TypeDescriptor.valueOf(String.class));
  }

  private @Nullable Object absent() {
    if (required) {
      throw wrong(name + ": missing (expected: a value)");
    }
    return parameter.getParameterType() == Optional.class ? Optional.empty() : null;
  }

  private @Nullable Object converted(Object value, TypeDescriptor from) {
    try {
      return CONVERSION.convert(value, from, new TypeDescriptor(parameter));
    } catch (ConversionException e) {
      throw wrong(
          name + ": unreadable (expected: " + parameter.getParameterType().getSimpleName() + ")");
    }
  }

  private static RestException wrong(String detail) {
    return new RestException(Problem.of(400, "invalid", detail));
  }
}
