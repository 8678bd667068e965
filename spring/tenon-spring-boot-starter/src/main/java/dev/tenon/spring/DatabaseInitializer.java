package dev.tenon.spring;

import dev.tenon.schema.ServiceDatabase;
import java.util.Set;
import org.springframework.boot.sql.init.dependency.AbstractBeansOfTypeDatabaseInitializerDetector;
import org.springframework.core.Ordered;

/**
 * Tells Spring Boot that the service's database is opened before other migrations, so that these
 * never run in a database that belongs to another service, and before whatever uses the tables.
 */
final class DatabaseInitializer extends AbstractBeansOfTypeDatabaseInitializerDetector {
  /** Made by Spring Boot. */
  DatabaseInitializer() {}

  @Override
  protected Set<Class<?>> getDatabaseInitializerBeanTypes() {
    return Set.of(ServiceDatabase.class);
  }

  @Override
  public int getOrder() {
    return Ordered.HIGHEST_PRECEDENCE;
  }
}
