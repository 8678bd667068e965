package dev.tenon.spring;

import dev.tenon.messaging.StoredReply;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;

/**
 * An answer that is held back until its effects are committed. Nothing of it reaches the client
 * before; status, headers, cookies and body are all kept here.
 */
final class BufferedResponse extends HttpServletResponseWrapper {
  private static final Set<String> NOT_STORED =
      Set.of(
          "connection",
          "content-length",
          "date",
          "keep-alive",
          "set-cookie",
          "trailer",
          "transfer-encoding",
          "upgrade");

  private final Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
  private final List<Cookie> cookies = new ArrayList<>();
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private final int bytesMax;
  private int status = SC_OK;
  private boolean withoutBody;
  private boolean overflown;
  private @Nullable PrintWriter writer;
  private @Nullable String encoding;

  BufferedResponse(HttpServletResponse response, int bytesMax) {
    super(response);
    this.bytesMax = bytesMax;
  }

  /** The whole answer, as it can be stored. */
  StoredReply reply() {
    if (writer != null) {
      writer.flush();
    }
    Map<String, String> stored = new LinkedHashMap<>();
    headers.forEach(
        (name, values) -> {
          String lower = name.toLowerCase(Locale.ROOT);
          if (!NOT_STORED.contains(lower)) {
            stored.put(lower, String.join(", ", values));
          }
        });
    if (!withoutBody) {
      return new StoredReply(status, stored, body.toByteArray());
    }
    stored.put("content-type", MediaType.APPLICATION_PROBLEM_JSON_VALUE);
    return new StoredReply(status, stored, ProblemDocument.of(status));
  }

  /** What goes with the first answer only. */
  List<Cookie> cookies() {
    return cookies;
  }

  /** Whether more was written than may be stored. */
  boolean overflown() {
    return overflown;
  }

  /** Whether the status was told as an error, for the container to make a page of. */
  boolean withoutBody() {
    return withoutBody;
  }

  @Override
  public void setStatus(int code) {
    status = code;
  }

  @Override
  public int getStatus() {
    return status;
  }

  @Override
  public void sendError(int code) {
    status = code;
    body.reset();
    withoutBody = true;
  }

  @Override
  public void sendError(int code, String message) {
    sendError(code);
  }

  @Override
  public void sendRedirect(String location) {
    sendRedirect(location, SC_FOUND, true);
  }

  @Override
  public void sendRedirect(String location, int code, boolean clearBuffer) {
    if (clearBuffer) {
      body.reset();
    }
    status = code;
    setHeader(HttpHeaders.LOCATION, location);
  }

  @Override
  public void addCookie(Cookie cookie) {
    cookies.add(cookie);
  }

  @Override
  public void setHeader(String name, @Nullable String value) {
    if (value == null) {
      headers.remove(name);
    } else {
      headers.put(name, new ArrayList<>(List.of(value)));
    }
  }

  @Override
  public void addHeader(String name, String value) {
    headers.computeIfAbsent(name, unused -> new ArrayList<>()).add(value);
  }

  @Override
  public void setIntHeader(String name, int value) {
    setHeader(name, Integer.toString(value));
  }

  @Override
  public void addIntHeader(String name, int value) {
    addHeader(name, Integer.toString(value));
  }

  @Override
  public void setDateHeader(String name, long date) {
    HttpHeaders formatted = new HttpHeaders();
    formatted.setDate(name, date);
    setHeader(name, formatted.getFirst(name));
  }

  @Override
  public void addDateHeader(String name, long date) {
    setDateHeader(name, date);
  }

  @Override
  public boolean containsHeader(String name) {
    return headers.containsKey(name) || super.containsHeader(name);
  }

  @Override
  public @Nullable String getHeader(String name) {
    List<String> values = headers.get(name);
    return values == null ? super.getHeader(name) : values.getFirst();
  }

  @Override
  public Collection<String> getHeaders(String name) {
    List<String> values = headers.get(name);
    return values == null ? super.getHeaders(name) : List.copyOf(values);
  }

  @Override
  public Collection<String> getHeaderNames() {
    Set<String> names = new LinkedHashSet<>(super.getHeaderNames());
    names.addAll(headers.keySet());
    return names;
  }

  @Override
  public void setContentLength(int length) {
    // told anew when the answer is sent
  }

  @Override
  public void setContentLengthLong(long length) {
    // told anew when the answer is sent
  }

  @Override
  public void setContentType(@Nullable String type) {
    setHeader(HttpHeaders.CONTENT_TYPE, type);
    if (type != null && encoding != null && MediaType.parseMediaType(type).getCharset() == null) {
      setCharacterEncoding(encoding);
    }
  }

  @Override
  public @Nullable String getContentType() {
    return getHeader(HttpHeaders.CONTENT_TYPE);
  }

  @Override
  public void setCharacterEncoding(@Nullable String name) {
    encoding = name;
    String type = getContentType();
    if (type != null && name != null) {
      MediaType parsed = MediaType.parseMediaType(type);
      setHeader(HttpHeaders.CONTENT_TYPE, new MediaType(parsed, Charset.forName(name)).toString());
    }
  }

  @Override
  public String getCharacterEncoding() {
    return charset().name();
  }

  private Charset charset() {
    String type = getContentType();
    Charset told = type == null ? null : MediaType.parseMediaType(type).getCharset();
    if (told != null) {
      return told;
    }
    return encoding == null ? StandardCharsets.UTF_8 : Charset.forName(encoding);
  }

  @Override
  public void setLocale(Locale locale) {
    setHeader(HttpHeaders.CONTENT_LANGUAGE, locale.toLanguageTag());
  }

  @Override
  public ServletOutputStream getOutputStream() {
    return new Buffer();
  }

  @Override
  public PrintWriter getWriter() {
    if (writer == null) {
      String type = getContentType();
      if (type != null && type.startsWith("text/")) {
        setCharacterEncoding(getCharacterEncoding()); // else a reader would guess
      }
      writer = new PrintWriter(new OutputStreamWriter(new Buffer(), charset()));
    }
    return writer;
  }

  @Override
  public void flushBuffer() {
    // sent after the commit
  }

  @Override
  public boolean isCommitted() {
    return withoutBody;
  }

  @Override
  public void resetBuffer() {
    body.reset();
  }

  @Override
  public void reset() {
    body.reset();
    headers.clear();
    cookies.clear();
    status = SC_OK;
    withoutBody = false;
    writer = null;
    encoding = null;
  }

  private final class Buffer extends ServletOutputStream {
    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      if (withoutBody) {
        return;
      }
      if (body.size() + length > bytesMax) {
        overflown = true;
        throw new IOException(
            "the answer is larger than tenon.idempotency.reply-bytes-max, " + bytesMax);
      }
      body.write(bytes, from, length);
    }

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void setWriteListener(WriteListener listener) {
      throw new IllegalStateException("an answer under an idempotency key is synchronous");
    }
  }
}
