package dev.tenon.bench;

/** A server and a client of one make, in this process, that greet over loopback. */
interface CallPeer {
  /** Its name in the table. */
  String name();

  /** What it is compared with: {@code rest} or {@code grpc}. */
  String group();

  /** Starts both. */
  Line open() throws Exception;

  /** An open connection; used by many threads at once. */
  interface Line extends AutoCloseable {
    /** Calls, and waits for the answer. */
    String greet(String name);
  }
}
