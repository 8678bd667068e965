/** The messages that the quickstart services exchange. */
@NullMarked
package dev.tenon.examples.quickstart.messages;

import org.jspecify.annotations.NullMarked;
