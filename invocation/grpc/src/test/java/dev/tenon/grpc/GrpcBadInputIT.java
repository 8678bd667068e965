package dev.tenon.grpc;

import static dev.tenon.grpc.StockService.item;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.linecorp.armeria.client.WebClient;
import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.transport.TenonPort;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What no generated stub sends, over a real socket. */
class GrpcBadInputIT {
  private static final Ports PORTS = new Ports();
  private static TenonPort port;

  @BeforeAll
  static void open() {
    port = PORTS.port(StockService.echo());
  }

  @AfterAll
  static void close() throws Exception {
    PORTS.close();
  }

  static Stream<Arguments> bodies() {
    byte[] good = Item.newBuilder().setName("x").build().toByteArray();
    return Stream.of(
        Arguments.of("cut within the head", new byte[] {0, 0}),
        Arguments.of("cut within the message", frame(0, good.length + 9, good)),
        Arguments.of("without a message", new byte[0]),
        Arguments.of("of an absurd length", frame(0, Integer.MAX_VALUE, good)),
        Arguments.of("of a negative length", frame(0, -1, good)),
        Arguments.of("compressed by nothing", frame(1, good.length, good)),
        Arguments.of("with an unknown flag", frame(9, good.length, good)),
        Arguments.of("that is no message", frame(0, 4, new byte[] {-1, -1, -1, -1})));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("bodies")
  void answersABodyThatIsWrong(String what, byte[] body) {
    AggregatedHttpResponse answer = send(body, headers -> {});

    assertThat(code(answer)).as(what).isPositive();
    assertThat(StockGrpc.newBlockingStub(PORTS.channel(port.address())).reserve(item("on")))
        .isEqualTo(StockService.reserved("on"));
  }

  @Test
  void refusesADeadlineThatIsWrong() {
    AggregatedHttpResponse answer =
        send(frame(0, 0, new byte[0]), headers -> headers.set("grpc-timeout", "soon"));

    assertThat(code(answer)).isEqualTo(Status.Code.INVALID_ARGUMENT.value());
    assertThat(answer.headers().get("grpc-message")).contains("grpc-timeout");
  }

  @Test
  void refusesADeadlineThatHasPassed() {
    AggregatedHttpResponse answer =
        send(frame(0, 0, new byte[0]), headers -> headers.set("grpc-timeout", "0m"));

    assertThat(code(answer)).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
  }

  @Test
  void refusesACallerWhoDoesNotSayWhoHeIs() {
    AggregatedHttpResponse answer =
        send(frame(0, 0, new byte[0]), headers -> headers.remove("tenon-service"));

    assertThat(code(answer)).isEqualTo(Status.Code.UNAUTHENTICATED.value());
    assertThat(answer.headers().contains("grpc-status-details-bin")).isTrue();
    assertThat(answer.content().isEmpty()).isTrue();
  }

  @Test
  void refusesAnotherContentType() {
    AggregatedHttpResponse answer =
        send(frame(0, 0, new byte[0]), headers -> headers.set("content-type", "text/plain"));

    assertThat(answer.status().code()).isEqualTo(415);
  }

  @Test
  void refusesAnEncodingThatIsUnknown() {
    AggregatedHttpResponse answer =
        send(frame(1, 1, new byte[] {1}), headers -> headers.set("grpc-encoding", "zip"));

    assertThat(code(answer)).isPositive();
  }

  @Test
  void doesNotSendTooMuchMetadata() {
    Metadata large = new Metadata();
    large.put(Metadata.Key.of("x-large", Metadata.ASCII_STRING_MARSHALLER), "y".repeat(9000));
    var stub =
        StockGrpc.newBlockingStub(PORTS.channel(port.address()))
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(large));

    var unary = catchThrowableOfType(StatusRuntimeException.class, () -> stub.reserve(item("x")));
    var stream =
        catchThrowableOfType(StatusRuntimeException.class, () -> stub.watch(item("x")).hasNext());

    assertThat(unary.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(unary).hasMessageContaining("expected: at most 8192");
    assertThat(stream.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
  }

  private static AggregatedHttpResponse send(byte[] body, Consumer<RequestHeadersBuilder> change) {
    RequestHeadersBuilder headers =
        RequestHeaders.builder(HttpMethod.POST, "/tenon.test.Stock/Reserve")
            .set("content-type", "application/grpc")
            .set("te", "trailers")
            .set("tenon-service", "shop");
    change.accept(headers);
    return WebClient.builder("h2c://" + port.address())
        .responseTimeout(Duration.ofSeconds(60))
        .build()
        .execute(headers.build(), HttpData.wrap(body))
        .aggregate()
        .join();
  }

  private static int code(AggregatedHttpResponse answer) {
    var end = answer.trailers().contains("grpc-status") ? answer.trailers() : answer.headers();
    return end.getInt("grpc-status", -1);
  }

  private static byte[] frame(int flag, int length, byte[] message) {
    return ByteBuffer.allocate(5 + message.length)
        .put((byte) flag)
        .putInt(length)
        .put(message)
        .array();
  }
}
