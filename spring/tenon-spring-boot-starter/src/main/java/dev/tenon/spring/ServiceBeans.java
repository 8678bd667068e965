package dev.tenon.spring;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.util.ClassUtils;

/** Finds the service's own data source, and the manager of its transactions, among the beans. */
final class ServiceBeans {
  private static final boolean JPA_PRESENT =
      ClassUtils.isPresent(
          "org.springframework.orm.jpa.JpaTransactionManager", ServiceBeans.class.getClassLoader());

  private final ListableBeanFactory beans;

  ServiceBeans(ListableBeanFactory beans) {
    this.beans = beans;
  }

  /** The named one, else the only or primary one. */
  DataSource dataSource(Optional<String> name) {
    List<String> candidates = List.of(beans.getBeanNamesForType(DataSource.class));
    if (name.isPresent()) {
      if (!candidates.contains(name.get())) {
        throw new SetupException(
            "tenon.datasource names the bean '"
                + name.get()
                + "', but the data sources are "
                + candidates
                + ".",
            "Set tenon.datasource to one of them.");
      }
      return beans.getBean(name.get(), DataSource.class);
    }
    if (candidates.isEmpty()) {
      throw new SetupException(
          "Tenon needs the service's own database, but there is no data source.",
          "Set spring.datasource.url, username and password, or define a DataSource bean.");
    }
    DataSource unique = beans.getBeanProvider(DataSource.class).getIfUnique();
    if (unique == null) {
      throw new SetupException(
          "Tenon needs the service's own database, but there are several data sources: "
              + candidates
              + ".",
          "Set tenon.datasource to the bean name of the service's own one, or mark it @Primary.");
    }
    return unique;
  }

  /** The one whose transactions are on the data source. */
  PlatformTransactionManager transactionManager(DataSource dataSource) {
    List<PlatformTransactionManager> all =
        beans.getBeanProvider(PlatformTransactionManager.class).orderedStream().toList();
    List<PlatformTransactionManager> fitting =
        all.stream().filter(each -> Objects.equals(dataSourceOf(each), dataSource)).toList();
    if (fitting.size() == 1) {
      return fitting.getFirst();
    }
    if (fitting.isEmpty()) {
      throw new SetupException(
          "No transaction manager works on the service's own data source; there are: "
              + List.of(beans.getBeanNamesForType(PlatformTransactionManager.class))
              + ".",
          "Define a JdbcTransactionManager or JpaTransactionManager bean for that data source.");
    }
    PlatformTransactionManager primary =
        beans.getBeanProvider(PlatformTransactionManager.class).getIfUnique();
    if (primary == null || !fitting.contains(primary)) {
      throw new SetupException(
          "Several transaction managers work on the service's own data source: "
              + List.of(beans.getBeanNamesForType(PlatformTransactionManager.class))
              + ".",
          "Mark the one that business code uses @Primary.");
    }
    return primary;
  }

  private static @Nullable DataSource dataSourceOf(PlatformTransactionManager manager) {
    if (manager instanceof DataSourceTransactionManager jdbc) {
      return jdbc.getDataSource();
    }
    return JPA_PRESENT ? Jpa.dataSourceOf(manager) : null;
  }

  /** Loaded only where JPA is on the class path. */
  private static final class Jpa {
    private Jpa() {}

    static @Nullable DataSource dataSourceOf(PlatformTransactionManager manager) {
      return manager instanceof org.springframework.orm.jpa.JpaTransactionManager jpa
          ? jpa.getDataSource()
          : null;
    }
  }
}
