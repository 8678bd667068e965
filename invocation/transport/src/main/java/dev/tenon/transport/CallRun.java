package dev.tenon.transport;

import com.linecorp.armeria.client.ClientFactory;
import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpResponse;
import dev.tenon.invocation.Call;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.Call.Step;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Carries out the steps of one call: sends, waits, and completes with the answer. */
final class CallRun {
  private final Call call;
  private final ClientFactory factory;
  private final Function<Step.Send, HttpResponse> sender;
  private final Function<AggregatedHttpResponse, Result> judge;
  private final GlobalReport report;
  private final Answer answer = new Answer();
  private @Nullable AggregatedHttpResponse last;
  private @Nullable Result judged;
  private @Nullable HttpResponse open;

  CallRun(
      Call call,
      ClientFactory factory,
      Function<AggregatedHttpResponse, Result> judge,
      GlobalReport report,
      Function<Step.Send, HttpResponse> sender) {
    this.call = call;
    this.factory = factory;
    this.judge = judge;
    this.report = report;
    this.sender = sender;
  }

  CompletableFuture<CallAnswer> start() {
    carryOut(call.next());
    return answer;
  }

  private void carryOut(Step step) {
    switch (step) {
      case Step.Send send -> send(send);
      case Step.Wait wait -> {
        var unused =
            factory
                .eventLoopSupplier()
                .get()
                .schedule(this::proceed, wait.time().toNanos(), TimeUnit.NANOSECONDS);
      }
      case Step.Deliver deliver -> {
        AggregatedHttpResponse response = last;
        if (response != null) {
          report.answered(response, judged);
          answer.complete(new CallAnswer(response, deliver.attempts()));
        }
      }
      case Step.Fail fail -> {
        report.failed(fail.failure());
        answer.completeExceptionally(fail.failure());
      }
    }
  }

  private void proceed() {
    Step next;
    synchronized (this) {
      if (answer.isDone()) {
        return;
      }
      next = call.next();
    }
    carryOut(next);
  }

  private void send(Step.Send send) {
    HttpResponse response = sender.apply(send);
    synchronized (this) {
      open = response;
    }
    var unused =
        response
            .aggregate()
            .handle(
                (result, failure) -> {
                  ended(result, failure);
                  return null;
                });
    if (answer.isCancelled()) {
      response.abort();
    }
  }

  private void ended(@Nullable AggregatedHttpResponse result, @Nullable Throwable failure) {
    Step next;
    synchronized (this) {
      open = null;
      if (answer.isDone()) {
        return;
      }
      last = result;
      judged = result == null ? CallResults.of(failure) : judge(result);
      next = call.ended(judged);
    }
    carryOut(next);
  }

  private Result judge(AggregatedHttpResponse response) {
    return CallResults.refusal(response.headers()).orElseGet(() -> judge.apply(response));
  }

  /** The answer to come; its cancelling gives the call up. */
  private final class Answer extends CompletableFuture<CallAnswer> {
    @Override
    public boolean cancel(boolean mayInterrupt) {
      boolean cancelled = super.cancel(mayInterrupt);
      if (cancelled) {
        report.givenUp();
        abandon();
      }
      return cancelled;
    }
  }

  private void abandon() {
    HttpResponse response;
    synchronized (this) {
      response = open;
      call.abandon();
    }
    if (response != null) {
      response.abort();
    }
  }
}
