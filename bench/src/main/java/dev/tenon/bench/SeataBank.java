package dev.tenon.bench;

import static java.util.Objects.requireNonNull;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import org.apache.seata.integration.tx.api.util.ProxyUtil;
import org.apache.seata.rm.RMClient;
import org.apache.seata.rm.datasource.DataSourceProxy;
import org.apache.seata.rm.tcc.api.BusinessActionContext;
import org.apache.seata.rm.tcc.api.BusinessActionContextParameter;
import org.apache.seata.rm.tcc.api.LocalTCC;
import org.apache.seata.rm.tcc.api.TwoPhaseBusinessAction;
import org.apache.seata.tm.TMClient;
import org.apache.seata.tm.api.TransactionalExecutor;
import org.apache.seata.tm.api.TransactionalTemplate;
import org.apache.seata.tm.api.transaction.TransactionInfo;
import org.jspecify.annotations.Nullable;

/**
 * Seata: its client in this process, its coordinator in another. By its defaults, as {@code
 * GlobalTransactional} begins a transaction.
 */
final class SeataBank implements Bank {
  private static final String APPLICATION = "bench";
  private static final Duration TIMEOUT = Duration.ofSeconds(60);
  private static final String ACCOUNT = "account";

  private final TransactionalTemplate template = new TransactionalTemplate();
  private final HikariDataSource first;
  private final HikariDataSource second;
  private final Transfer transfer;

  /** The work of a transaction. */
  @FunctionalInterface
  interface Transfer {
    void run(int account) throws SQLException;
  }

  /** Takes from an account. Public, as Seata makes a proxy of it. */
  @LocalTCC
  public interface Take {
    /** Announces it. */
    @TwoPhaseBusinessAction(name = "take", commitMethod = "confirm", rollbackMethod = "cancel")
    boolean hold(
        @Nullable BusinessActionContext context,
        @BusinessActionContextParameter(paramName = ACCOUNT) int account);

    /** Makes it. */
    boolean confirm(BusinessActionContext context);

    /** Takes it back. */
    boolean cancel(BusinessActionContext context);
  }

  /** Gives to an account. Public, as Seata makes a proxy of it. */
  @LocalTCC
  public interface Give {
    /** Announces it. */
    @TwoPhaseBusinessAction(name = "give", commitMethod = "confirm", rollbackMethod = "cancel")
    boolean hold(
        @Nullable BusinessActionContext context,
        @BusinessActionContextParameter(paramName = ACCOUNT) int account);

    /** Makes it. */
    boolean confirm(BusinessActionContext context);

    /** Takes it back. */
    boolean cancel(BusinessActionContext context);
  }

  /**
   * The first database. Public, as Seata makes a proxy of it; its own methods alone are proxied.
   */
  public static class Taking implements Take {
    private final Changes changes;

    /** For the proxy, which calls the other one. */
    public Taking() {
      this(new Changes(null, 0));
    }

    Taking(Changes changes) {
      this.changes = changes;
    }

    @Override
    public boolean hold(
        @Nullable BusinessActionContext context,
        @BusinessActionContextParameter(paramName = ACCOUNT) int account) {
      return changes.run(Accounts::hold, account);
    }

    @Override
    public boolean confirm(BusinessActionContext context) {
      return changes.run(Accounts::confirm, account(context));
    }

    @Override
    public boolean cancel(BusinessActionContext context) {
      return changes.run(Accounts::cancel, account(context));
    }
  }

  /**
   * The second database. Public, as Seata makes a proxy of it; its own methods alone are proxied.
   */
  public static class Giving implements Give {
    private final Changes changes;

    /** For the proxy, which calls the other one. */
    public Giving() {
      this(new Changes(null, 0));
    }

    Giving(Changes changes) {
      this.changes = changes;
    }

    @Override
    public boolean hold(
        @Nullable BusinessActionContext context,
        @BusinessActionContextParameter(paramName = ACCOUNT) int account) {
      return changes.run(Accounts::hold, account);
    }

    @Override
    public boolean confirm(BusinessActionContext context) {
      return changes.run(Accounts::confirm, account(context));
    }

    @Override
    public boolean cancel(BusinessActionContext context) {
      return changes.run(Accounts::cancel, account(context));
    }
  }

  /** Changes of the balances of one database; there is none for a proxy. */
  private record Changes(@Nullable HikariDataSource database, int amount) {
    boolean run(Accounts.Change change, int account) {
      try {
        Accounts.commit(requireNonNull(database), change, account, amount);
        return true;
      } catch (SQLException e) {
        throw new BenchmarkException("Could not change account " + account + ".", e);
      }
    }
  }

  private static int account(BusinessActionContext context) {
    return Integer.parseInt(String.valueOf(context.getActionContext(ACCOUNT)));
  }

  private SeataBank(BankSite site, boolean images) {
    System.setProperty("service.default.grouplist", "127.0.0.1:" + site.coordinator());
    String group = "bench_group";
    TMClient.init(APPLICATION, group);
    RMClient.init(APPLICATION, group);
    first = site.first().pool(BankSite.CONNECTIONS);
    second = site.second().pool(BankSite.CONNECTIONS);
    transfer = images ? withImages() : withTries();
  }

  /** By before and after images. */
  static Bank at(BankSite site) {
    return new SeataBank(site, true);
  }

  /** By try and confirm. Without the fence, which knows one database in a process only. */
  static Bank tcc(BankSite site) {
    return new SeataBank(site, false);
  }

  private Transfer withImages() {
    DataSourceProxy from = new DataSourceProxy(first);
    DataSourceProxy to = new DataSourceProxy(second);
    return account -> {
      Accounts.commit(from, Accounts::add, account, -1);
      Accounts.commit(to, Accounts::add, account, 1);
    };
  }

  private Transfer withTries() {
    Take take = (Take) ProxyUtil.<Object>createProxy(new Taking(new Changes(first, -1)), "take");
    Give give = (Give) ProxyUtil.<Object>createProxy(new Giving(new Changes(second, 1)), "give");
    return account -> {
      take.hold(null, account);
      give.hold(null, account);
    };
  }

  @Override
  public boolean transfer(int account) throws Exception {
    try {
      template.execute(new Work(transfer, account));
      return true;
    } catch (TransactionalExecutor.ExecutionException e) {
      if (e.getCode() == TransactionalExecutor.Code.RollbackDone
          && e.getOriginalException() instanceof SQLException refusal
          && !(refusal.getCause() instanceof Error)) {
        return false;
      }
      throw new BenchmarkException("Could not transfer: " + e.getCode(), e.getOriginalException());
    } catch (Throwable e) {
      throw new BenchmarkException("Could not transfer: " + e.getMessage(), e);
    }
  }

  private record Work(Transfer transfer, int account) implements TransactionalExecutor {
    @Override
    public Object execute() throws SQLException {
      transfer.run(account);
      return true;
    }

    @Override
    public TransactionInfo getTransactionInfo() {
      TransactionInfo info = new TransactionInfo();
      info.setName("transfer");
      info.setTimeOut((int) TIMEOUT.toMillis());
      info.setRollbackRules(Set.of());
      return info;
    }
  }

  @Override
  public void close() {
    first.close();
    second.close();
  }
}
