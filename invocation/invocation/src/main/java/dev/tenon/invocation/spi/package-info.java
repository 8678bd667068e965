/** What invocation needs from outside: where the instances of a service are. */
@NullMarked
package dev.tenon.invocation.spi;

import org.jspecify.annotations.NullMarked;
