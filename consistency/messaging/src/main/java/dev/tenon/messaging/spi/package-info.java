/** What messaging needs from a transport to reach another service's log. */
@NullMarked
package dev.tenon.messaging.spi;

import org.jspecify.annotations.NullMarked;
