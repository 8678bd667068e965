/** The local unit of work: one commit in the service's own database carries all its effects. */
@NullMarked
package dev.tenon.transaction;

import org.jspecify.annotations.NullMarked;
