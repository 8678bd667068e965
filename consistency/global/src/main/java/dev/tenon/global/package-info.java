/**
 * Distributed transactions without a coordinator: the service that starts one decides it in its own
 * database, and each participant keeps its branch in its own.
 */
@NullMarked
package dev.tenon.global;

import org.jspecify.annotations.NullMarked;
