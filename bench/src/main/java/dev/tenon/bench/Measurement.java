package dev.tenon.bench;

/**
 * What one run of a contender showed.
 *
 * @param messages all messages of the run, warm-up and drain included
 * @param perSecond effects (commits, for a reference) a second within the measured span
 * @param p50Millis from the producer's commit to the effect's
 * @param p99Millis the same, 99th percentile
 * @param costs what a message cost
 * @param machineBusy share of the machine's processors in use, 0 to 1
 * @param repeated deliveries of a message that had its effect
 */
record Measurement(
    int messages,
    double perSecond,
    double p50Millis,
    double p99Millis,
    Costs costs,
    double machineBusy,
    int repeated) {

  /**
   * Costs per message, over the whole run.
   *
   * @param commits transactions in both databases, reading ones included
   * @param roundTrips between this process and the databases
   * @param walSyncs flushes of the write-ahead log to the disk
   * @param walBytes bytes of write-ahead log
   * @param processMicros processor time of this process: producers, delivery and consumers
   * @param serverMicros processor time of the server's processes; NaN where that is unknown
   */
  record Costs(
      double commits,
      double roundTrips,
      double walSyncs,
      double walBytes,
      double processMicros,
      double serverMicros) {}
}
