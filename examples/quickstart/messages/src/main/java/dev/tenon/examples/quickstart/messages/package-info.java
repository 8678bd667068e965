/** The messages that the quickstart services exchange, as plain records. */
@NullMarked
package dev.tenon.examples.quickstart.messages;

import org.jspecify.annotations.NullMarked;
