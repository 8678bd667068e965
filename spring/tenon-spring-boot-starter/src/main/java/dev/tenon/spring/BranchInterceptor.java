package dev.tenon.spring;

import dev.tenon.global.BranchRefusedException;
import dev.tenon.global.BranchRefusedException.Reason;
import dev.tenon.global.Participant;
import java.util.Optional;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;

/** Opens the branch that a method declares, before it runs. Thread-safe. */
final class BranchInterceptor implements MethodInterceptor {
  private final Supplier<DeclaredBranches> branches;
  private final Supplier<Participant> participant;

  BranchInterceptor(Supplier<DeclaredBranches> branches, Supplier<Participant> participant) {
    this.branches = branches;
    this.participant = participant;
  }

  @Override
  public @Nullable Object invoke(MethodInvocation invocation) throws Throwable {
    Object target = invocation.getThis();
    Optional<DeclaredBranches.Declared> found =
        branches
            .get()
            .find(invocation.getMethod(), target == null ? null : AopUtils.getTargetClass(target));
    if (found.isPresent()) {
      DeclaredBranches.Declared declared = found.get();
      if (participant.get().mayOpen()) {
        participant
            .get()
            .open(declared.type(), declared.arguments().write(invocation.getArguments()));
      } else if (declared.required()) {
        throw new BranchRefusedException(
            Reason.NO_TRANSACTION,
            "Could not run the try "
                + declared.type().name()
                + ": it is called under no distributed transaction, so nobody would end what it"
                + " reserves. Call it under one.");
      }
    }
    return invocation.proceed();
  }
}
