package dev.tenon.bench;

import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transport.HandlerThreads;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.ServiceKeys;
import dev.tenon.transport.TenonPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** A Tenon port and a client of it, which know each other by their keys. */
record TenonPair(TenonPort port, ServiceClient client) implements AutoCloseable {
  static final String SERVER = "server";
  private static final String CLIENT = "client";
  private static final CallContext CONTEXT =
      CallContext.EMPTY
          .withTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
          .withPrincipal("ann");

  static TenonPair open(PortService service) {
    Path keys = keys();
    TenonPort port = TenonPort.builder(ServiceIdentity.load(SERVER, keys)).service(service).open();
    port.serve(List.of());
    EndpointSource endpoints = EndpointSource.of(Map.of(SERVER, List.of(port.address())));
    ServiceClient client =
        ServiceClient.builder(ServiceIdentity.load(CLIENT, keys), Calls.builder(endpoints).build())
            .build();
    return new TenonPair(port, client);
  }

  private static Path keys() {
    try {
      Path directory = Files.createTempDirectory("tenon-bench-keys");
      ServiceKeys.generate(directory, SERVER, CLIENT);
      return directory;
    } catch (IOException e) {
      throw new BenchmarkException("Could not make a directory for keys: " + e.getMessage(), e);
    }
  }

  /** Calls as from a handler: what came with the call that it serves is handed on. */
  String inContext(Callable<String> call) {
    try {
      return CONTEXT.call(call);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new BenchmarkException("Could not call: " + e.getMessage(), e);
    }
  }

  static HandlerThreads handlerThreads() {
    return new HandlerThreads(TenonRuntime.system().threads());
  }

  @Override
  public void close() {
    client.close();
    port.close();
  }
}
