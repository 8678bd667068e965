package dev.tenon.bench;

import java.util.List;

/** All who are compared, and a process of its own for one of them. */
final class CallPeers {
  private static final List<CallPeer> ALL =
      List.of(
          new RestPeers.TenonRest(),
          new RestPeers.ArmeriaRest(),
          new SpringPeers.SpringRest(),
          new GrpcPeers.TenonGrpc(),
          new GrpcPeers.ArmeriaGrpc(),
          new GrpcPeers.GrpcJava(),
          new SpringPeers.SpringGrpc());

  private CallPeers() {}

  /** Those whose {@code group/name} begins with one of these. */
  static List<CallPeer> beginningWith(List<String> prefixes) {
    return ALL.stream().filter(peer -> prefixes.stream().anyMatch(path(peer)::startsWith)).toList();
  }

  static String path(CallPeer peer) {
    return peer.group() + "/" + peer.name();
  }

  /**
   * Runs one peer, its server and its client: reads loads from the standard input, a line each, and
   * writes a line of what was measured.
   *
   * @param arguments the peer's {@code group/name}
   */
  public static void main(String[] arguments) throws Exception {
    CallPeer peer =
        ALL.stream().filter(each -> path(each).equals(arguments[0])).findFirst().orElseThrow();
    try (CallPeer.Line line = peer.open()) {
      CallProcess.serve(line, System.in, System.out);
    }
    System.exit(0);
  }
}
