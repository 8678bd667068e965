package dev.tenon.global.spi;

import java.util.UUID;

/**
 * Asks the starter of a distributed transaction about one branch.
 *
 * @param xid the signed xid, as it came with the call
 * @param branch the branch's id
 */
public record BranchQuestion(String xid, UUID branch) {}
