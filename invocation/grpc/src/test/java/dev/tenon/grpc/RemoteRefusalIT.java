package dev.tenon.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.StockGrpc;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import dev.tenon.transport.TenonPort;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A handler whose own call to a third service was refused. */
class RemoteRefusalIT {
  @ParameterizedTest
  @ValueSource(ints = {1, StatusMapping.DOCUMENT_BYTES_MAX}) // told whole, and told shortened
  void isNotAskedAgainForWhatWasRefusedForGood(int detailChars) throws Exception {
    AtomicInteger asked = new AtomicInteger();
    Problem refusal = Problem.of(422, "sold-out", "x".repeat(detailChars));
    try (Ports ports = new Ports()) {
      TenonPort port =
          ports.port(
              new StockService(
                  item -> {
                    asked.incrementAndGet();
                    throw new RemoteProblemException(new Target("store", "take"), 1, refusal);
                  }));
      var stub = StockGrpc.newBlockingStub(ports.channel(port.address()));

      StatusRuntimeException failure =
          catchThrowableOfType(
              StatusRuntimeException.class, () -> stub.look(Item.getDefaultInstance()));

      assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(StatusMapping.problem(failure).isLasting()).isTrue();
      assertThat(asked).hasValue(1);
    }
  }
}
