package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import com.linecorp.armeria.common.HttpData;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Message;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.transport.FrameCodec.Frame;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class FrameCodecTest {
  private static final int LIMIT = 1 << 20;

  @Test
  void carriesEveryFieldOfAMessageAndItsPlace() {
    UUID first = UUID.randomUUID();
    UUID second = UUID.randomUUID();
    FeedMessage full =
        new FeedMessage(
            new Cursor(3, first, 17, Optional.of("users/ä\"key")),
            new Message(
                UUID.randomUUID(),
                "user-changed",
                Optional.of("kéy \"7\" \n"),
                12,
                Map.of(Message.TRACEPARENT, "00-ab-cd-01", "ü", "\u0000\uD83D\uDE00"),
                Instant.parse("2026-11-23T10:11:12.123456Z"),
                "{\"name\":\"Ж\"}".getBytes(StandardCharsets.UTF_8)));
    FeedMessage bare =
        new FeedMessage(
            new Cursor(4, second, 0, Optional.empty()),
            new Message(
                UUID.randomUUID(),
                "t",
                Optional.empty(),
                1,
                Map.of(),
                Instant.EPOCH.minusSeconds(1),
                new byte[0]));
    FeedBatch batch = new FeedBatch(List.of(full, full, bare), Cursor.endOf(4, second), 1L << 40);

    FeedBatch read = FrameCodec.decode(frames(FrameCodec.encode(batch, LIMIT), 1000).getFirst());

    assertThat(read).usingRecursiveComparison().isEqualTo(batch);
    assertThat(read.end().seq()).isEqualTo(Cursor.WINDOW_END);
  }

  @Test
  void carriesABatchWithoutMessages() {
    FeedBatch batch = new FeedBatch(List.of(), FakeFeedSource.cursor(5), 0);

    FeedBatch read = FrameCodec.decode(frames(FrameCodec.encode(batch, LIMIT), 1000).getFirst());

    assertThat(read).isEqualTo(batch);
  }

  @Test
  void readsFramesCutAnywhereAndDropsHeartbeats() {
    FeedBatch one = new FeedBatch(List.of(FakeFeedSource.message(1, 3)), cursor(1), 1);
    FeedBatch two = new FeedBatch(List.of(FakeFeedSource.message(2, 0)), cursor(2), 0);
    HttpData wire =
        HttpData.wrap(
            Unpooled.wrappedBuffer(
                FrameCodec.heartbeat().array(),
                FrameCodec.encode(one, LIMIT).array(),
                FrameCodec.heartbeat().array(),
                FrameCodec.encode(two, LIMIT).array()));

    for (int piece = 1; piece <= wire.length(); piece++) {
      List<FeedBatch> read =
          frames(HttpData.wrap(wire.array()), piece).stream().map(FrameCodec::decode).toList();
      assertThat(read).usingRecursiveComparison().isEqualTo(List.of(one, two));
    }
  }

  @Test
  void refusesABatchAboveTheLimitOnBothSides() {
    FeedBatch batch = new FeedBatch(List.of(FakeFeedSource.message(1, 98)), cursor(1), 1);

    assertThatThrownBy(() -> FrameCodec.encode(batch, 99))
        .isInstanceOf(FeedException.class)
        .hasMessageContaining("at most 99 bytes");
    assertThatThrownBy(
            () -> new FrameAssembler(99).accept(FrameCodec.encode(batch, LIMIT).byteBuf()))
        .isInstanceOf(FeedException.class)
        .hasMessageContaining("the limit is 99");
    assertThatThrownBy(
            () -> new FrameAssembler(99).accept(Unpooled.buffer().writeInt(-1).writeInt(0)))
        .isInstanceOf(FeedException.class);
  }

  @Test
  void carriesAProblemAsTheLastFrame() {
    Problem problem = Problem.of(409, "unknown-position", "gone");

    assertThatThrownBy(() -> FrameCodec.decode(frames(FrameCodec.encode(problem), 10).getFirst()))
        .hasMessage("gone")
        .asInstanceOf(type(FeedException.class))
        .extracting(FeedException::reason)
        .isEqualTo(Reason.UNKNOWN_POSITION);
  }

  @Test
  void refusesWhatIsNoFrame() {
    for (String header :
        List.of(
            "x",
            "[]",
            "{}",
            "{\"end\":{\"window\":1}}",
            "{\"end\":{\"window\":1,\"windowId\":\"x\"}}",
            "{\"end\":{\"window\":1,\"windowId\":\"%s\"},\"messages\":[{}]}",
            "{\"end\":{\"window\":1,\"windowId\":\"%s\"},\"messages\":[{\"bytes\":99}]}",
            "{\"end\":{\"window\":1,\"windowId\":\"%s\"},\"messages\":[]")) {
      byte[] bytes = header.formatted(FakeFeedSource.WINDOW).getBytes(StandardCharsets.UTF_8);
      assertThatThrownBy(() -> FrameCodec.decode(new Frame(bytes, new byte[3])))
          .as(header)
          .isInstanceOf(FeedException.class)
          .hasMessageContaining("malformed");
    }
  }

  private static Cursor cursor(long seq) {
    return FakeFeedSource.cursor(seq);
  }

  private static List<Frame> frames(HttpData data, int piece) {
    FrameAssembler assembler = new FrameAssembler(LIMIT);
    List<Frame> frames = new ArrayList<>();
    byte[] bytes = data.array();
    for (int at = 0; at < bytes.length; at += piece) {
      int length = Math.min(piece, bytes.length - at);
      frames.addAll(assembler.accept(Unpooled.wrappedBuffer(bytes, at, length)));
    }
    assertThat(assembler.midway()).isFalse();
    return frames;
  }
}
