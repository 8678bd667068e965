package dev.tenon.runtime;

import static java.util.Objects.requireNonNull;

import java.time.InstantSource;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;

/**
 * What a process takes from outside itself: time, ids, randomness and threads. Everything in Tenon
 * gets these from here, so that a test can hold them still. Immutable; its parts are thread-safe.
 *
 * @param clock the time of day
 * @param ids new ids
 * @param random randomness for jitter and choice; thread-safe
 * @param threads starts the threads of background work; virtual ones in production
 */
public record TenonRuntime(
    InstantSource clock, IdGenerator ids, RandomGenerator random, ThreadFactory threads) {

  /** Checks that nothing is missing. */
  public TenonRuntime {
    requireNonNull(clock, "clock");
    requireNonNull(ids, "ids");
    requireNonNull(random, "random");
    requireNonNull(threads, "threads");
  }

  /**
   * The system's clock, version 7 ids, a fast random source (not for secrets) and virtual threads.
   *
   * @return the runtime of production
   */
  public static TenonRuntime system() {
    return new TenonRuntime(
        InstantSource.system(),
        IdGenerator.system(),
        () -> ThreadLocalRandom.current().nextLong(),
        Thread.ofVirtual().name("tenon-", 0).factory());
  }

  /**
   * The same runtime with another clock.
   *
   * @param other the clock to use
   * @return a copy
   */
  public TenonRuntime withClock(InstantSource other) {
    return new TenonRuntime(other, ids, random, threads);
  }
}
