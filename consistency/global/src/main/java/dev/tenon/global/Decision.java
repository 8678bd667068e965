package dev.tenon.global;

import java.util.List;
import java.util.UUID;

/**
 * The one row that decides a distributed transaction. The first that is written stands for ever.
 *
 * @param outcome how it ends
 * @param branches of COMMITTED, the branches that are confirmed, all others being undone; of
 *     ABORTED, those that are known, in the order in which they were opened
 */
record Decision(Outcome outcome, List<Branch> branches) {
  Decision {
    branches = List.copyOf(branches);
  }

  boolean lists(UUID branch) {
    return branches.stream().anyMatch(listed -> listed.id().equals(branch));
  }
}
