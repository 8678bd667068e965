package dev.tenon.invocation;

import java.time.InstantSource;
import java.util.Map;
import java.util.random.RandomGenerator;

/** How calls are made: policies by service or {@code service/operation}, time and chance. */
record CallSettings(
    CallPolicy policy,
    Map<String, CallPolicy> policies,
    EjectionPolicy ejection,
    InstantSource clock,
    RandomGenerator random) {
  CallSettings {
    policies = Map.copyOf(policies);
  }
}
