package dev.tenon.spring;

import dev.tenon.grpc.GrpcChannels;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.core.annotation.AnnotationAwareOrderComparator;
import org.springframework.core.env.Environment;
import org.springframework.grpc.client.ChannelBuilderOptions;
import org.springframework.grpc.client.GlobalClientInterceptor;
import org.springframework.grpc.client.GrpcChannelFactory;

/** Makes Spring gRPC's channels to services by name. Customizers of builders have none here. */
final class TenonChannelFactory implements GrpcChannelFactory {
  private static final String SCHEME = "tenon:";

  private final Supplier<GrpcChannels> channels;
  private final Environment environment;
  private final ListableBeanFactory beans;

  TenonChannelFactory(
      Supplier<GrpcChannels> channels, Environment environment, ListableBeanFactory beans) {
    this.channels = channels;
    this.environment = environment;
    this.beans = beans;
  }

  @Override
  public boolean supports(String target) {
    return resolved(target).startsWith(SCHEME);
  }

  @Override
  public ManagedChannel createChannel(String target, ChannelBuilderOptions options) {
    String service = resolved(target).substring(SCHEME.length()).replaceFirst("^/+", "");
    List<ClientInterceptor> interceptors = new ArrayList<>();
    beans.getBeansWithAnnotation(GlobalClientInterceptor.class).values().stream()
        .filter(ClientInterceptor.class::isInstance)
        .map(ClientInterceptor.class::cast)
        .sorted(AnnotationAwareOrderComparator.INSTANCE)
        .forEach(interceptors::add);
    interceptors.addAll(options.interceptors());
    Channel channel = channels.get().channel(service);
    return new Managed(ClientInterceptors.interceptForward(channel, interceptors), service);
  }

  /** A target may be the name of a channel in the settings. */
  private String resolved(String target) {
    return environment.getProperty("spring.grpc.client.channel." + target + ".target", target);
  }

  /** Has nothing of its own to shut down: connections are shared by all channels. */
  private static final class Managed extends ManagedChannel {
    private final Channel channel;
    private final String service;
    private volatile boolean shut;

    Managed(Channel channel, String service) {
      this.channel = channel;
      this.service = service;
    }

    @Override
    public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
      if (shut) {
        throw new IllegalStateException("channel to " + service + ": shut down (expected: open)");
      }
      return channel.newCall(method, options);
    }

    @Override
    public String authority() {
      return service;
    }

    @Override
    public ManagedChannel shutdown() {
      shut = true;
      return this;
    }

    @Override
    public ManagedChannel shutdownNow() {
      return shutdown();
    }

    @Override
    public boolean isShutdown() {
      return shut;
    }

    @Override
    public boolean isTerminated() {
      return shut;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
      return shut;
    }
  }
}
