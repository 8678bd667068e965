package dev.tenon.spring;

import jakarta.persistence.EntityManager;
import org.springframework.orm.jpa.EntityManagerHolder;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Loaded only where JPA is on the class path. */
final class JpaFlush {
  private JpaFlush() {}

  /** Writes the changed entities of this thread's transaction, before the messages about them. */
  static void flushJoined() {
    for (Object resource : TransactionSynchronizationManager.getResourceMap().values()) {
      if (resource instanceof EntityManagerHolder held) {
        EntityManager entities = held.getEntityManager();
        if (entities.isOpen() && entities.isJoinedToTransaction()) {
          entities.flush();
        }
      }
    }
  }
}
