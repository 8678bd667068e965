package dev.tenon.bench;

import com.linecorp.armeria.client.WebClient;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.server.Server;
import dev.tenon.rest.RestClients;
import dev.tenon.rest.RestService;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.Json;
import dev.tenon.transport.HandlerThreads;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.PostExchange;

/** JSON over HTTP: Tenon, and the library it stands on. */
final class RestPeers {
  static final String PATH = "/greet";

  private RestPeers() {}

  record Hello(String name) {}

  record Greeting(String text) {}

  /** What Tenon's two sides share. */
  interface GreetApi {
    @PostExchange(PATH)
    Greeting greet(@RequestBody Hello hello);
  }

  static Greeting answer(Hello hello) {
    return new Greeting("hello " + hello.name());
  }

  /** Everything on: identity by signed tokens, deadline, context, balancing, breaker, meters. */
  static final class TenonRest implements CallPeer {
    @Override
    public String name() {
      return "tenon";
    }

    @Override
    public String group() {
      return "rest";
    }

    @Override
    public Line open() {
      TenonPair pair = TenonPair.open(RestService.of(GreetApi.class, RestPeers::answer).build());
      GreetApi api =
          RestClients.of(pair.client(), IdGenerator.system())
              .client(TenonPair.SERVER, GreetApi.class);
      return new Line() {
        @Override
        public String greet(String name) {
          return pair.inContext(() -> api.greet(new Hello(name)).text());
        }

        @Override
        public void close() {
          pair.close();
        }
      };
    }
  }

  /** The library alone, with handlers on the same virtual threads and the same JSON. */
  static final class ArmeriaRest implements CallPeer {
    @Override
    public String name() {
      return "armeria";
    }

    @Override
    public String group() {
      return "rest";
    }

    @Override
    public Line open() {
      HandlerThreads threads = TenonPair.handlerThreads();
      Server server =
          Server.builder()
              .http(0)
              .disableServerHeader()
              .disableDateHeader()
              .route()
              .post(PATH)
              .blockingTaskExecutor(threads, true)
              .build(
                  (context, request) ->
                      HttpResponse.of(
                          request
                              .aggregate()
                              .thenApplyAsync(
                                  whole ->
                                      HttpResponse.of(
                                          HttpStatus.OK,
                                          MediaType.JSON,
                                          Json.write(
                                              answer(
                                                  Json.read(
                                                      whole.content().array(), Hello.class)))),
                                  context.blockingTaskExecutor())))
              .build();
      server.start().join();
      WebClient client = WebClient.of("h2c://127.0.0.1:" + server.activeLocalPort());
      return new Line() {
        @Override
        public String greet(String name) {
          byte[] body =
              client
                  .execute(
                      HttpRequest.of(
                          HttpMethod.POST, PATH, MediaType.JSON, Json.write(new Hello(name))))
                  .aggregate()
                  .join()
                  .content()
                  .array();
          return Json.read(body, Greeting.class).text();
        }

        @Override
        public void close() {
          server.stop().join();
        }
      };
    }
  }
}
