/** Quickstart service {@code order}. Takes orders and keeps a queryable copy of users. */
@NullMarked
package dev.tenon.examples.quickstart.order;

import org.jspecify.annotations.NullMarked;
