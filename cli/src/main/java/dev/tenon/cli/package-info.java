/** The command line {@code ./tenon}. */
@NullMarked
package dev.tenon.cli;

import org.jspecify.annotations.NullMarked;
