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
 * @param workers starts the threads that wait for a database all the time, of which there are few;
 *     platform ones in production, because each wait of a virtual one wakes two more threads
 */
public record TenonRuntime(
    InstantSource clock,
    IdGenerator ids,
    RandomGenerator random,
    ThreadFactory threads,
    ThreadFactory workers) {

  /** Checks that nothing is missing. */
  public TenonRuntime {
    requireNonNull(clock, "clock");
    requireNonNull(ids, "ids");
    requireNonNull(random, "random");
    requireNonNull(threads, "threads");
    requireNonNull(workers, "workers");
  }

  /**
   * A runtime with one kind of threads.
   *
   * @param clock the time of day
   * @param ids new ids
   * @param random randomness for jitter and choice; thread-safe
   * @param threads starts all threads
   */
  public TenonRuntime(
      InstantSource clock, IdGenerator ids, RandomGenerator random, ThreadFactory threads) {
    this(clock, ids, random, threads, threads);
  }

  /**
   * The system's clock, version 7 ids, a fast random source (not for secrets), virtual threads, and
   * daemon threads of the platform as workers.
   *
   * @return the runtime of production
   */
  public static TenonRuntime system() {
    return new TenonRuntime(
        InstantSource.system(),
        IdGenerator.system(),
        () -> ThreadLocalRandom.current().nextLong(),
        Thread.ofVirtual().name("tenon-", 0).factory(),
        Thread.ofPlatform().daemon().name("tenon-worker-", 0).factory());
  }

  /**
   * The same runtime with another clock.
   *
   * @param other the clock to use
   * @return a copy
   */
  public TenonRuntime withClock(InstantSource other) {
    return new TenonRuntime(other, ids, random, threads, workers);
  }
}
