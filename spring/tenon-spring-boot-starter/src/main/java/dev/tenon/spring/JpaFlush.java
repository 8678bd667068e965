package dev.tenon.spring;

import jakarta.persistence.EntityManager;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.support.DataAccessUtils;
import org.springframework.orm.jpa.EntityManagerHolder;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Loaded only where JPA is on the class path. */
final class JpaFlush {
  private JpaFlush() {}

  /**
   * Writes the changed entities of this thread's transaction, before the messages about them. What
   * fails is told as Spring tells it when the commit flushes.
   */
  static void flushJoined(PlatformTransactionManager manager) {
    try {
      flushJoined(
          manager instanceof JpaTransactionManager jpa && jpa.getEntityManagerFactory() != null
              ? TransactionSynchronizationManager.getResource(jpa.getEntityManagerFactory())
              : null);
    } catch (RuntimeException e) {
      throw manager instanceof JpaTransactionManager jpa
          ? DataAccessUtils.translateIfNecessary(e, jpa.getJpaDialect())
          : e;
    }
  }

  /**
   * Flushes.
   *
   * @param own what the manager has begun the transaction on. One that was open before it (open in
   *     view) does not say that it has joined
   */
  private static void flushJoined(@Nullable Object own) {
    for (Object resource : TransactionSynchronizationManager.getResourceMap().values()) {
      if (resource instanceof EntityManagerHolder held) {
        EntityManager entities = held.getEntityManager();
        if (entities.isOpen() && (held.equals(own) || entities.isJoinedToTransaction())) {
          entities.flush();
        }
      }
    }
  }
}
