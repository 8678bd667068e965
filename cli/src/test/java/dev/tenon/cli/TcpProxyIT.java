package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An echo behind a network that is disturbed. */
class TcpProxyIT {
  private static final int SHORT_MILLIS = 200;
  private static final int LONG_MILLIS = 60_000;

  private ServerSocket echo;
  private TcpProxy proxy;

  @BeforeEach
  void open() throws IOException {
    echo = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
    proxy = TcpProxy.open(0, echo.getLocalPort());
  }

  private void accept() {
    while (!echo.isClosed()) {
      try {
        Socket socket = echo.accept();
        Thread.ofVirtual().start(() -> answer(socket));
      } catch (IOException e) {
        return; // the test has ended
      }
    }
  }

  private static void answer(Socket socket) {
    try (socket) {
      socket.getInputStream().transferTo(socket.getOutputStream());
    } catch (IOException e) {
      return; // as the tests want it
    }
  }

  @AfterEach
  void close() throws IOException {
    proxy.close();
    echo.close();
  }

  private Socket connected() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
    socket.setSoTimeout(LONG_MILLIS);
    return socket;
  }

  private static int echoed(Socket socket, int value) throws IOException {
    socket.getOutputStream().write(value);
    return socket.getInputStream().read();
  }

  private static void assertSilent(Socket socket) throws IOException {
    socket.setSoTimeout(SHORT_MILLIS);
    assertThatThrownBy(() -> socket.getInputStream().read())
        .isInstanceOf(SocketTimeoutException.class);
    socket.setSoTimeout(LONG_MILLIS);
  }

  @Test
  void passesBytesBothWays() throws IOException {
    try (Socket socket = connected()) {
      assertThat(echoed(socket, 1)).isEqualTo(1);
      assertThat(echoed(socket, 2)).isEqualTo(2);
    }
  }

  @Test
  void cutsConnectionsAndRefusesNewOnesUntilItIsHealed() throws IOException {
    try (Socket old = connected()) {
      assertThat(echoed(old, 1)).isEqualTo(1);

      proxy.become(TcpProxy.Way.CUT);

      assertThatThrownBy(() -> old.getInputStream().read()).isInstanceOf(IOException.class);
      try (Socket refused = connected()) {
        assertThatThrownBy(() -> refused.getInputStream().read()).isInstanceOf(IOException.class);
      }
    }
    proxy.become(TcpProxy.Way.WHOLE);
    try (Socket next = connected()) {
      assertThat(echoed(next, 2)).isEqualTo(2);
    }
  }

  @Test
  void bringsBytesLate() throws IOException {
    try (Socket socket = connected()) {
      assertThat(echoed(socket, 1)).isEqualTo(1);
      proxy.become(TcpProxy.Way.LATE);
      socket.getOutputStream().write(2);
      assertSilent(socket);

      proxy.become(TcpProxy.Way.WHOLE);

      assertThat(socket.getInputStream().read()).isEqualTo(2);
    }
  }

  @Test
  void losesBytesAndThenTheirConnection() throws IOException {
    try (Socket socket = connected()) {
      assertThat(echoed(socket, 1)).isEqualTo(1);
      proxy.become(TcpProxy.Way.LOST);
      socket.getOutputStream().write(2);
      assertSilent(socket);

      proxy.become(TcpProxy.Way.WHOLE);

      assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(IOException.class);
    }
  }

  @Test
  void losesAnswersOnly() throws IOException {
    try (Socket socket = connected()) {
      assertThat(echoed(socket, 1)).isEqualTo(1);
      proxy.become(TcpProxy.Way.ANSWERS_LOST);
      socket.getOutputStream().write(2);
      assertSilent(socket);

      proxy.become(TcpProxy.Way.WHOLE);

      assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(IOException.class);
    }
  }
}
