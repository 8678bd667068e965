package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.tenon.messaging.MessagingException;
import dev.tenon.testing.database.Ports;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.transaction.PlatformTransactionManager;

/** Business rows by JdbcClient, JPA and MyBatis, and messages, in one commit. */
class PublishingIT {
  private static final String WITHOUT_JPA =
      "spring.autoconfigure.exclude="
          + "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration,"
          + "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration";

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final SpiedDatabase database =
      new SpiedDatabase(postgres.server(), postgres.freshDatabase("shop"));
  private final JdbcClient jdbc = JdbcClient.create(database.unspied());
  private final List<ConfigurableApplicationContext> started = new ArrayList<>();

  @AfterEach
  void stop() {
    started.forEach(ConfigurableApplicationContext::close);
  }

  @Test
  void commitsRowsOfEachToolWithTheirMessagesUnderJpa() {
    ConfigurableApplicationContext context = start();

    assertThat(context.getBean(PlatformTransactionManager.class))
        .isInstanceOf(JpaTransactionManager.class);
    commitsAndRollsBack(context, Tool.JDBC, Tool.MYBATIS, Tool.JPA);
    flushesEntitiesBeforeMessages(context);
    saysThatTheOutcomeIsUnknown(context, Tool.JPA);
    knowsThatACommitWasRefused(context, Tool.JPA);
    refusesACommitWithoutMessagesWhenAFailedStatementWasSwallowed(context);
  }

  @Test
  void commitsRowsOfEachToolWithTheirMessagesUnderJdbc() {
    ConfigurableApplicationContext context = start(WITHOUT_JPA);

    assertThat(context.getBean(PlatformTransactionManager.class))
        .isInstanceOf(JdbcTransactionManager.class);
    commitsAndRollsBack(context, Tool.JDBC, Tool.MYBATIS);
    saysThatTheOutcomeIsUnknown(context, Tool.JDBC);
    knowsThatACommitWasRefused(context, Tool.JDBC);
    refusesACommitWithoutMessagesWhenAFailedStatementWasSwallowed(context);
    refusesToPublishWithoutAWritingTransaction(context.getBean(ShopApplication.Shop.class));
  }

  @Test
  void keepsTenonsTablesInTheSchemaThatIsSet() {
    ConfigurableApplicationContext context = start(WITHOUT_JPA, "tenon.schema=shop_tenon");

    Tool.JDBC.buy(context, "elsewhere", () -> {});

    assertThat(jdbc.sql("SELECT count(*) FROM shop_tenon.outbox").query(Integer.class).single())
        .isEqualTo(1);
    assertThat(jdbc.sql("SELECT to_regnamespace('tenon') IS NULL").query(Boolean.class).single())
        .isTrue();
    await().untilAsserted(() -> assertThat(received()).containsExactly("elsewhere"));
  }

  private enum Tool {
    JDBC,
    MYBATIS,
    JPA;

    void buy(ConfigurableApplicationContext context, String id, Runnable then) {
      ShopApplication.Shop shop = context.getBean(ShopApplication.Shop.class);
      switch (this) {
        case JDBC -> shop.buyWithJdbc(id, then);
        case MYBATIS -> shop.buyWithMyBatis(id, then);
        case JPA -> shop.buyWithJpa(id, then);
      }
    }
  }

  private void commitsAndRollsBack(ConfigurableApplicationContext context, Tool... tools) {
    for (Tool tool : tools) {
      tool.buy(context, "kept-" + tool, () -> {});
      assertThatThrownBy(
              () ->
                  tool.buy(
                      context,
                      "dropped-" + tool,
                      () -> {
                        throw new IllegalStateException("no");
                      }))
          .isInstanceOf(IllegalStateException.class);
    }
    Tool.JDBC.buy(context, "fails-once", () -> {});

    List<String> kept =
        Stream.concat(Stream.of(tools).map(tool -> "kept-" + tool), Stream.of("fails-once"))
            .toList();
    assertThat(purchases()).containsExactlyInAnyOrderElementsOf(kept);
    await().untilAsserted(() -> assertThat(received()).containsExactlyInAnyOrderElementsOf(kept));
    assertThat(
            jdbc.sql("SELECT attempt FROM received WHERE id = 'fails-once'").query().listOfRows())
        .extracting(row -> row.get("attempt"))
        .containsExactly(2);
  }

  private void flushesEntitiesBeforeMessages(ConfigurableApplicationContext context) {
    database.forget();

    Tool.JPA.buy(
        context, "flushed", () -> assertThat(statements("insert into purchase")).isEmpty());

    List<String> inOrder = database.statements();
    int flush = indexOf(inOrder, "insert into purchase");
    int message = indexOf(inOrder, "into tenon.outbox");
    assertThat(flush).isNotNegative();
    assertThat(message).isGreaterThan(flush);
    assertThat(inOrder.subList(message, inOrder.size())).contains("COMMIT");
  }

  private void saysThatTheOutcomeIsUnknown(ConfigurableApplicationContext context, Tool tool) {
    assertThatThrownBy(() -> tool.buy(context, "unknown", database::killAtNextCommitOfThisThread))
        .isInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessageContaining("[service=shop]");

    tool.buy(context, "afterwards", () -> {});
    assertThat(purchases()).contains("afterwards").doesNotContain("unknown");
  }

  private void knowsThatACommitWasRefused(ConfigurableApplicationContext context, Tool tool) {
    jdbc.sql("CREATE TABLE late (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)").update();
    jdbc.sql("INSERT INTO late VALUES (1)").update();
    JdbcClient joined = context.getBean(JdbcClient.class);

    assertThatThrownBy(
            () ->
                tool.buy(
                    context, "refused", () -> joined.sql("INSERT INTO late VALUES (1)").update()))
        .isNotInstanceOf(UnknownCommitOutcomeException.class)
        .hasStackTraceContaining("late_pkey");
    assertThatThrownBy(() -> tool.buy(context, "afterwards", () -> {}))
        .isInstanceOf(DataIntegrityViolationException.class);

    assertThat(purchases()).doesNotContain("refused");
  }

  /** The driver would report the commit of such a transaction as done. */
  private void refusesACommitWithoutMessagesWhenAFailedStatementWasSwallowed(
      ConfigurableApplicationContext context) {
    ShopApplication.Shop shop = context.getBean(ShopApplication.Shop.class);
    JdbcClient joined = context.getBean(JdbcClient.class);
    Runnable swallowed =
        () ->
            assertThatThrownBy(() -> joined.sql("SELECT 1 / 0").query(Integer.class).single())
                .hasMessageContaining("division by zero");

    assertThatThrownBy(() -> shop.buyInSilence("doomed", swallowed))
        .isInstanceOf(TransactionException.class)
        .isNotInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessage(
            "Could not commit the transaction [service=shop]: a statement had failed, and its"
                + " exception was swallowed. Nothing was committed.");
    shop.buyInSilence("silent", () -> {});

    assertThat(purchases()).contains("silent").doesNotContain("doomed");
  }

  private static void refusesToPublishWithoutAWritingTransaction(ShopApplication.Shop shop) {
    assertThatThrownBy(() -> shop.buyReadOnly("a"))
        .isInstanceOfAny(MessagingException.class, TransactionException.class)
        .hasMessageContaining("read-only");
    assertThatThrownBy(() -> shop.buyOutsideOfATransaction("a"))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("no transaction is open");
  }

  private ConfigurableApplicationContext start(String... properties) {
    int port = freePort();
    ConfigurableApplicationContext context =
        new SpringApplicationBuilder(ShopApplication.class)
            .initializers(
                (GenericApplicationContext beans) ->
                    beans.registerBean(
                        ShopApplication.Spy.class, () -> new ShopApplication.Spy(database)))
            .properties(properties)
            .properties(
                "spring.main.web-application-type=none",
                "spring.main.banner-mode=off",
                "tenon.service=shop",
                "tenon.dev=true",
                "tenon.port=" + port,
                "tenon.addresses.shop=127.0.0.1:" + port)
            .run();
    started.add(context);
    return context;
  }

  static int freePort() {
    try {
      return Ports.free(new SecureRandom());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> purchases() {
    return jdbc.sql("SELECT id FROM purchase").query(String.class).list();
  }

  private List<String> received() {
    return jdbc.sql("SELECT id FROM received").query(String.class).list();
  }

  private List<String> statements(String text) {
    return database.statements().stream()
        .filter(statement -> statement.toLowerCase(Locale.ROOT).contains(text))
        .toList();
  }

  private static int indexOf(List<String> statements, String text) {
    for (int i = 0; i < statements.size(); i++) {
      if (statements.get(i).toLowerCase(Locale.ROOT).contains(text)) {
        return i;
      }
    }
    return -1;
  }
}
