package dev.tenon.global.spi;

import dev.tenon.global.Outcome;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Tells a participant how one of its branches ends.
 *
 * @param xid the signed xid
 * @param step the call that opened the branch, or may have opened one
 * @param branch the branch's id; null if the starter never learned of one, and then the outcome is
 *     {@link Outcome#ABORTED}
 * @param outcome how it ends
 */
public record BranchOrder(String xid, String step, @Nullable UUID branch, Outcome outcome) {}
