package dev.tenon.transport;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guards one connection where the server has no limit of its own: how many connections come from
 * one address, and how many frames a peer sends that only make work. On the connection's event
 * loop.
 */
final class PeerGuard extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(PeerGuard.class);

  private final PortLimits limits;
  private final ByAddress byAddress;
  private final long start = System.nanoTime();
  private boolean watching;
  private long window;
  private long frames;

  /** How many connections there are from each address. Thread-safe. */
  static final class ByAddress {
    private final Map<InetAddress, Integer> counts = new ConcurrentHashMap<>();

    private boolean take(InetAddress address, int most) {
      return counts.merge(address, 1, Integer::sum) <= most;
    }

    private void give(InetAddress address) {
      counts.computeIfPresent(address, (key, count) -> count == 1 ? null : count - 1);
    }
  }

  private PeerGuard(PortLimits limits, ByAddress byAddress) {
    this.limits = limits;
    this.byAddress = byAddress;
  }

  /** Guards a new connection. */
  static void join(ChannelPipeline pipeline, PortLimits limits, ByAddress byAddress) {
    pipeline.addFirst(new PeerGuard(limits, byAddress));
  }

  @Override
  public void channelActive(ChannelHandlerContext context) throws Exception {
    if (context.channel().remoteAddress() instanceof InetSocketAddress peer) {
      InetAddress address = peer.getAddress();
      context.channel().closeFuture().addListener(closed -> byAddress.give(address));
      if (!byAddress.take(address, limits.connectionsPerAddressMax())) {
        log.debug("Too many connections [peer={}]", peer);
        var unused = context.close();
        return;
      }
    }
    super.channelActive(context);
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
    super.channelRead(context, message);
    if (!watching) {
      Http2ConnectionHandler http2 = context.pipeline().get(Http2ConnectionHandler.class);
      if (http2 != null) {
        watching = true;
        watch(context, http2);
      }
    }
  }

  private void watch(ChannelHandlerContext guard, Http2ConnectionHandler http2) {
    http2
        .decoder()
        .frameListener(
            new Http2FrameListenerDecorator(http2.decoder().frameListener()) {
              @Override
              public void onPingRead(ChannelHandlerContext context, long data)
                  throws Http2Exception {
                count(guard);
                super.onPingRead(context, data);
              }

              @Override
              public void onSettingsRead(ChannelHandlerContext context, Http2Settings settings)
                  throws Http2Exception {
                count(guard);
                super.onSettingsRead(context, settings);
              }
            });
    http2
        .connection()
        .addListener(
            new Http2ConnectionAdapter() {
              @Override
              public void onStreamClosed(Http2Stream stream) {
                if (stream.isResetSent()) {
                  count(guard);
                }
              }
            });
  }

  private void count(ChannelHandlerContext context) {
    long now =
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start) / PortLimits.WINDOW_SECONDS;
    if (now != window) {
      window = now;
      frames = 0;
    }
    frames++;
    if (frames > (long) limits.controlFramesPerSecondMax() * PortLimits.WINDOW_SECONDS) {
      log.debug("Too many frames that only make work [peer={}]", context.channel());
      var unused = context.close();
    }
  }
}
