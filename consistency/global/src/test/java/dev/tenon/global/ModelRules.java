package dev.tenon.global;

import dev.tenon.global.Protocol.AbortCheck;
import dev.tenon.global.Protocol.Action;
import dev.tenon.global.Protocol.AnswerCheck;
import dev.tenon.global.Protocol.CommitCheck;
import dev.tenon.global.Protocol.Facts;
import dev.tenon.global.Protocol.Inquiry;
import dev.tenon.global.Protocol.TryCheck;
import dev.tenon.global.spi.BranchAnswer;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** The rules that a search follows. By default those of production; a planted fault changes one. */
interface ModelRules {
  /** The rules of production. */
  ModelRules PRODUCTION = new ModelRules() {};

  default CommitCheck commit(Xid xid, Facts facts) {
    return Protocol.commit(xid, facts);
  }

  default CommitCheck sendPivot(Xid xid, Facts facts) {
    return Protocol.sendPivot(xid, facts);
  }

  default AnswerCheck answerPivot(Facts facts) {
    return Protocol.answerPivot(facts);
  }

  /** Whether the pivot is sent before it is stored that it is. */
  default boolean sendsPivotFirst() {
    return false;
  }

  /** Whether a pivot without an answer is taken for one that was refused. */
  default boolean takesLostPivotForRefused() {
    return false;
  }

  default AbortCheck abort(Xid xid, Facts facts) {
    return Protocol.abort(xid, facts);
  }

  default Inquiry inquire(Xid xid, UUID branch, Facts facts) {
    return Protocol.inquire(xid, branch, facts);
  }

  default boolean mayForget(
      Xid xid,
      Outcome outcome,
      Optional<Instant> acknowledgedAt,
      Instant now,
      Instant forgottenBefore,
      Duration keep) {
    return Protocol.mayForget(xid, outcome, acknowledgedAt, now, forgottenBefore, keep);
  }

  default TryCheck onTry(BranchState state, Xid xid, Instant now) {
    return Protocol.onTry(state, xid, now);
  }

  default Action onTryEnded(BranchState state) {
    return Protocol.onTryEnded(state);
  }

  default Action onDecision(BranchState state, Outcome outcome, Optional<UUID> branch) {
    return Protocol.onDecision(state, outcome, branch);
  }

  default Action onAnswer(BranchState state, UUID branch, BranchAnswer answer) {
    return Protocol.onAnswer(state, branch, answer);
  }

  default Optional<String> obstacle(Ledger ledger) {
    return ledger.obstacle();
  }

  /** What a participant says of the calls that its work has made. */
  default Listing listing(Ledger ledger) {
    return ledger.listing();
  }

  /** Whether a run that aborts stores ABORTED before it tells anybody. */
  default boolean storesAborted(ModelScope.Mode mode, boolean commitAttempted) {
    return mode != ModelScope.Mode.TRANSACTION || commitAttempted;
  }

  /** Whether what a refused call had opened is undone before the transaction is decided. */
  default boolean undoesDroppedAtOnce(ModelScope.Mode mode) {
    return mode == ModelScope.Mode.TRANSACTION;
  }

  /** Whether a run whose commit got lost says that nothing was committed. */
  default boolean takesLostCommitForAborted() {
    return false;
  }

  /** Whether the horizon of what is forgotten is locked while COMMITTED is being committed. */
  default boolean locksHorizon() {
    return true;
  }

  /** Whether undo deletes the branch's stored reply. */
  default boolean deletesReplyOfUndone() {
    return true;
  }

  /** Whether a call looks for a prepared transaction of its step before it does its work. */
  default boolean triesLookForPrepared() {
    return true;
  }

  /** Whether a call rolls a prepared transaction of its step back, and begins anew. */
  default boolean triesRollPreparedBack() {
    return false;
  }

  /** What becomes of a prepared transaction that is found, before anybody is asked about it. */
  default Optional<Outcome> presumedOfPrepared(Xid xid, Instant now) {
    return Optional.empty();
  }

  /**
   * Whether an abort that has rolled a prepared transaction back bars the step before it is told.
   */
  default boolean barsAfterRollback() {
    return true;
  }

  /** Whether an order looks for a prepared transaction first, and at the row after it. */
  default boolean looksForPreparedFirst() {
    return true;
  }

  /** Whether captured rows stay locked until the branch ends. */
  default boolean locksUntilTheEnd() {
    return true;
  }

  /** Whether the end of a branch unlocks the rows, in its commit. */
  default boolean unlocksAtTheEnd() {
    return true;
  }

  /** Whether captured rows are put back in the commit that closes the branch. */
  default boolean putsBackInTheCommitOfTheEnd() {
    return true;
  }

  /** Whether rows are put back only if they are as the branch has left them. */
  default boolean comparesBeforePuttingBack() {
    return true;
  }

  /** Whether a writer that meets a lock past the deadline undoes the branch without asking. */
  default boolean writersUndoPastTheDeadline() {
    return false;
  }

  /** Whether held messages are sent by the commit that confirms. */
  default boolean sendsHeldMessagesInTheCommitOfTheEnd() {
    return true;
  }

  /** Whether the starter's own rows are committed before the decision. */
  default boolean writesOwnRowsFirst() {
    return false;
  }
}
