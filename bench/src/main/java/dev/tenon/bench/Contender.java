package dev.tenon.bench;

/** One way of doing the work: something that carries messages, or a reference that does not. */
interface Contender {

  /** What it is called in the report. */
  String name();

  /** How it is set up, and why that is its best, in a sentence or two for the report. */
  String setup();

  /** Whether messages reach the consumer; {@code false} for the references. */
  boolean delivers();

  /** Whether it is measured as a peer of Tenon. */
  default boolean peer() {
    return false;
  }

  /**
   * Sets everything up and starts delivery.
   *
   * @param site two fresh databases with the business tables
   * @param producers how many threads will call {@link Session#produce}
   * @param ledger is told of every effect when it is committed
   */
  Session open(Site site, int producers, Ledger ledger);

  /** A contender at work on one site. */
  interface Session extends AutoCloseable {

    /**
     * One producer transaction: inserts the business row and publishes the message. Returns when it
     * is committed. Called by several threads.
     */
    void produce(Order order);

    /** Stops delivery and closes everything that was opened. */
    @Override
    void close();
  }
}
