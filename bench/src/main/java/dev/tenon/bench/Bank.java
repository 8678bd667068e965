package dev.tenon.bench;

/** A peer at work: takes from an account in one database, and gives to one in another. */
interface Bank extends AutoCloseable {

  /**
   * One distributed transaction: takes 1 from an account of the first database and gives 1 to the
   * same account of the second. Called by many threads at once.
   *
   * @param account its id
   * @return whether it is committed; {@code false} if it was refused, and changed nothing
   * @throws Exception if nobody knows
   */
  boolean transfer(int account) throws Exception;

  /** Waits until what was transferred is final, and no row is held any more. */
  default void settle() {}

  @Override
  void close();
}
