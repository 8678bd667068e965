package dev.tenon.spring;

import dev.tenon.global.GlobalConfig;
import dev.tenon.runtime.Backoff;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Distributed transactions.
 *
 * @param enabled Whether this service starts distributed transactions or takes part in them. Unless
 *     set, it does if a bean is a saga or branch type, has methods
 *     with @GlobalTransactional, @Compensated, @TryConfirmCancel or @XaBranch, or is made with
 *     GlobalTransactions, Participant or Sagas, or if automatic-tables is set.
 * @param timeout How long a distributed transaction may last from its start until it is committed,
 *     unless it says otherwise.
 * @param lease How long an instance may be silent before another one takes its transactions over.
 * @param keep How long decisions, closed branches and their replies outlive their use: the age of
 *     the oldest backup that may be restored.
 * @param askAfter How long a branch is open before this service asks about it; asked again with
 *     growing waits.
 * @param retryWaitMin The wait after the first failed attempt to end a branch; it doubles with each
 *     one.
 * @param retryWaitMax The longest wait between two attempts to end a branch.
 * @param attemptsMax How many attempts to end a branch may fail before it is parked for a person.
 * @param batchMax How many branches or transactions one round of background work takes up.
 * @param imagesMax How many rows one automatic (AT) branch may change, each counted as often as it
 *     is changed.
 * @param lockWait How long a call waits, outside of its transaction, for a row that another
 *     distributed transaction has changed.
 * @param automaticTables The tables whose changes are undone automatically (AT) when a distributed
 *     transaction is aborted; opted in when the service starts, after its migrations. Taking one
 *     off this list does not opt it out.
 * @param operators Which callers of the Tenon port may see open transactions and change them by
 *     hand, by the names that their keys or certificates prove.
 */
@ConfigurationProperties("tenon.global")
record TenonGlobalProperties(
    @Nullable Boolean enabled,
    @DefaultValue("30s") Duration timeout,
    @DefaultValue("3s") Duration lease,
    @DefaultValue("7d") Duration keep,
    @DefaultValue("5s") Duration askAfter,
    @DefaultValue("200ms") Duration retryWaitMin,
    @DefaultValue("1m") Duration retryWaitMax,
    @DefaultValue("10") int attemptsMax,
    @DefaultValue("100") int batchMax,
    @DefaultValue("10000") int imagesMax,
    @DefaultValue("2s") Duration lockWait,
    @DefaultValue List<String> automaticTables,
    @DefaultValue List<String> operators) {

  TenonGlobalProperties {
    automaticTables = List.copyOf(automaticTables);
    operators = List.copyOf(operators);
  }

  GlobalConfig config() {
    return new GlobalConfig(
        timeout,
        lease,
        keep,
        askAfter,
        new Backoff(retryWaitMin, retryWaitMax),
        attemptsMax,
        batchMax,
        imagesMax,
        lockWait);
  }
}
