package dev.tenon.spring;

import dev.tenon.messaging.Message;
import java.util.Optional;
import java.util.regex.Pattern;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/** The trace of the web request that this thread answers. */
final class RequestTrace implements TraceSource {
  /** Version, trace, parent, flags (W3C Trace Context, section 3.2). */
  private static final Pattern FORM =
      Pattern.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}");

  @Override
  public Optional<String> traceparent() {
    if (RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes web) {
      return Optional.ofNullable(web.getRequest().getHeader(Message.TRACEPARENT))
          .filter(value -> FORM.matcher(value).matches());
    }
    return Optional.empty();
  }
}
