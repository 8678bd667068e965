/** What a transport implements to carry distributed transactions between services. */
@NullMarked
package dev.tenon.global.spi;

import org.jspecify.annotations.NullMarked;
