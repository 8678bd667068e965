package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpResponseWriter;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.stream.SubscriptionOption;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HttpFeedStreamTest {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final int LIMIT = 1 << 20;

  @Test
  void tellsOfTheEndOnlyAfterWhatCameBeforeIt() throws InterruptedException {
    FeedBatch batch =
        new FeedBatch(
            List.of(FakeFeedSource.message(1, 10)), Cursor.endOf(1, FakeFeedSource.WINDOW), 0);
    ByteArrayOutputStream together = new ByteArrayOutputStream();
    together.writeBytes(FrameCodec.encode(batch, LIMIT).array());
    together.writeBytes(FrameCodec.encode(Problems.invalid("too large")).array());
    HttpResponseWriter response = HttpResponse.streaming();
    response.write(ResponseHeaders.of(200));
    response.write(HttpData.wrap(together.toByteArray()));
    response.close();
    HttpFeedStream stream = new HttpFeedStream("test", response, LIMIT);
    response.subscribe(stream, SubscriptionOption.WITH_POOLED_OBJECTS);
    stream.awaitOpen(LONG);

    assertThat(stream.next(LONG).orElseThrow().messages()).hasSize(1);
    assertThat(stream.ready()).isEmpty();
    assertThatThrownBy(() -> stream.next(LONG))
        .isInstanceOf(FeedException.class)
        .hasMessage("too large");
  }
}
