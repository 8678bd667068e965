package dev.tenon.global;

/** The distributed transaction that the current thread works for. Thread-safe. */
public interface GlobalTransaction {

  /**
   * Its name.
   *
   * @return the xid
   */
  Xid xid();

  /**
   * Makes it impossible to commit; its work may go on. The first reason stands.
   *
   * @param reason why, for the exception that its starter gets
   */
  void setRollbackOnly(String reason);
}
