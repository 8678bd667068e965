package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a service knows of distributed transactions that have not ended, as starter and as
 * participant, for operators: what is in doubt, since when, and who waits for whom.
 *
 * <p>A change is one local commit, which also records who made it and why. What it sets going is
 * done by an instance of the service within a second or so: nothing of the application runs here,
 * so a tool beside the service can do the same. Thread-safe.
 */
public interface OpenTransactions {
  /** The most transactions of one listing. */
  int LIST_MAX = 1000;

  /** The most recorded actions that are given for a transaction, the last ones. */
  int ACTIONS_MAX = 100;

  /**
   * Those of a service, for a tool beside it.
   *
   * @param transactions units of work on the service's database
   * @param messaging the service's messaging over them, which need not run
   * @return its operations
   */
  static OpenTransactions of(Transactions transactions, Messaging messaging) {
    return new LocalOpenTransactions(
        transactions, messaging, TenonRuntime.system().clock(), DecisionStore.CLOCK);
  }

  /**
   * Lists those that have not ended in this service, the oldest first.
   *
   * @param page which
   * @return possibly empty; all that is known of each
   */
  List<OpenTransaction> list(Page page);

  /**
   * Looks some up.
   *
   * @param xids which; at most {@value #LIST_MAX}
   * @return what is known, what has ended included, in the order of the question; without those of
   *     which nothing is known
   */
  List<OpenTransaction> find(List<Xid> xids);

  /**
   * Looks one up.
   *
   * @param xid which
   * @return what is known, what has ended included; empty if nothing is
   */
  default Optional<OpenTransaction> find(Xid xid) {
    return find(List.of(xid)).stream().findFirst();
  }

  /**
   * Completes an id.
   *
   * @param id the random id of a transaction
   * @return the xid; empty if this service has not started it and has no open branch of it
   */
  Optional<Xid> resolve(UUID id);

  /**
   * Has something tried now that waits: a branch is ended or asked about, a saga is run, and the
   * participants of a decision are told. What is parked gets all of its attempts anew.
   *
   * @param part what
   * @param operator who says so
   * @throws OperationRefusedException if it is not there, or does not wait for this
   */
  void retry(Part part, Operator operator);

  /**
   * Ends something without doing what would end it: a parked branch that is known how to end, as a
   * person has confirmed or undone it by hand; or the telling of a decision's participants, as one
   * of them will not come back. Those that come back after all ask, as long as the decision is
   * kept.
   *
   * @param part what
   * @param operator who says so
   * @throws OperationRefusedException if it is not there, or this makes no sense
   */
  void skip(Part part, Operator operator);

  /**
   * Decides in a person's place. A branch is ended as a person says, whatever its starter decides:
   * the other branches of the transaction may end otherwise. A saga can be forced to abort before
   * its pivot, and is compensated then. While a pivot is in doubt that says that it was not done,
   * which nobody checks: if it was, the saga is compensated beside it.
   *
   * @param part what
   * @param outcome how it ends
   * @param operator who says so
   * @throws OperationRefusedException if it is not there, or this makes no sense
   */
  void force(Part part, Outcome outcome, Operator operator);

  /** Which transactions to list. */
  enum Filter {
    /** All that have not ended. */
    ALL,
    /** Those with a branch, or a saga's pivot, of which it is not known here how it ends. */
    IN_DOUBT,
    /** Those of which something waits for a person. */
    PARKED
  }

  /**
   * A part of a listing.
   *
   * @param filter which
   * @param most how many; 1 to {@value #LIST_MAX}
   * @param after the last one of the page before; null for the first page
   */
  record Page(Filter filter, int most, @Nullable Xid after) {
    /** Checks the limit. */
    public Page {
      requireNonNull(filter, "filter");
      if (most < 1 || most > LIST_MAX) {
        throw new IllegalArgumentException("most: " + most + " (expected: 1.." + LIST_MAX + ")");
      }
    }

    /**
     * The first page.
     *
     * @param filter which
     * @param most how many; 1 to {@value #LIST_MAX}
     * @return the page
     */
    public static Page first(Filter filter, int most) {
      return new Page(filter, most, null);
    }
  }

  /**
   * What an operation is about.
   *
   * @param xid the transaction
   * @param step the call that opened the branch; null for what this service has started: the saga
   *     while it has not ended, else the decision
   */
  record Part(Xid xid, @Nullable String step) {
    /** Checks the step. */
    public Part {
      requireNonNull(xid, "xid");
      if (step != null) {
        Branch.requireStep(step);
      }
    }

    /**
     * What this service has started.
     *
     * @param xid the transaction
     * @return its saga or decision
     */
    public static Part started(Xid xid) {
      return new Part(xid, null);
    }

    /**
     * A branch of this service.
     *
     * @param xid the transaction
     * @param step the call that opened it
     * @return the branch
     */
    public static Part branch(Xid xid, String step) {
      return new Part(xid, step);
    }
  }
}
