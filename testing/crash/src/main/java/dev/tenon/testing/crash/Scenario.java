package dev.tenon.testing.crash;

/**
 * What is explored: one or more services doing some work over real databases, and what must hold
 * after it, wherever they were killed.
 *
 * <p>The explorer calls, on one thread, {@link #reset}, {@link #run}, {@link #recover} and {@link
 * #check}, once without a fault and then once for each fault. Only what is in a database survives a
 * crash: build every service anew from the {@link World} in {@code run} and again in {@code
 * recover}, and keep none of it in a field. The same input must lead to the same commits and sends
 * in the same order, so drive background work by hand, and use fixed clocks, ids and randomness
 * where they matter.
 */
public interface Scenario {

  /**
   * Brings every database back to where the scenario starts: empty tables, or a copy of a template.
   *
   * @throws Exception if it cannot; the exploration fails
   */
  void reset() throws Exception;

  /**
   * Builds the services, gives them their work and drives them until nothing is pending. A crash
   * leaves it by a {@link SimulatedCrash}.
   *
   * @param world where data sources and sends are counted
   * @throws Exception for any reason once a fault was injected; without one it is a violation
   */
  void run(World world) throws Exception;

  /**
   * Builds the services again over the same databases and drives them until nothing is pending. It
   * is called after each run, with or without a fault, and again if it was crashed itself.
   *
   * @param world a new world, in which everything lives again
   * @throws Exception for any reason once a fault was injected into it; else it is a violation
   */
  void recover(World world) throws Exception;

  /**
   * Checks what must hold now that everything has recovered, by plain SQL.
   *
   * @throws Exception or an {@link AssertionError} if it does not hold
   */
  void check() throws Exception;
}
