package dev.tenon.testing.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class PostgresResetIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private DataSource service;
  private DataSource superuser;

  @BeforeEach
  void createTables() throws SQLException {
    Database database = postgres.freshDatabase("reset");
    service = postgres.dataSource(database);
    superuser = postgres.server().superuserDataSource(database.name());
    TwoServices.execute(
        service,
        "create table parent (id int generated always as identity primary key,"
            + " twice int generated always as (id * 2) stored)",
        "create table child (parent int references parent, \"Odd name\" text)",
        "create table log (n int) partition by range (n)",
        "create table log_rest partition of log default",
        "insert into parent default values",
        "insert into child values (1, 'as it was')",
        "insert into log values (1)");
  }

  @Test
  void bringsBackRowsSequencesAndTheSetOfTables() throws SQLException {
    PostgresReset reset = PostgresReset.to(superuser);
    TwoServices.execute(
        service,
        "update child set \"Odd name\" = 'changed'",
        "insert into parent default values",
        "delete from log",
        "create table log_10 partition of log for values from (10) to (20)",
        "insert into log values (10)");

    reset.restore();
    reset.restore();

    assertThat(number("select count(*) from child where \"Odd name\" = 'as it was'")).isOne();
    assertThat(number("select sum(twice) from parent")).isEqualTo(2);
    assertThat(number("select sum(n) from log")).isOne();
    assertThat(number("insert into parent default values returning id")).isEqualTo(2);
    assertThatThrownBy(() -> number("select 1 from log_10"))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void saysWhichTableIsGone() throws SQLException {
    PostgresReset reset = PostgresReset.to(superuser);
    TwoServices.execute(service, "drop table child");

    assertThatThrownBy(reset::restore)
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("public.child");
  }

  private long number(String sql) throws SQLException {
    return TwoServices.number(service, sql);
  }
}
