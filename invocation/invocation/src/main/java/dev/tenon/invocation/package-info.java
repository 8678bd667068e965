/**
 * Calls from one service to another by name, whatever carries them: the context that travels along,
 * the endpoints of a service, and what to do when one does not answer.
 *
 * <p>Start at {@link dev.tenon.invocation.Calls}. Nothing here does I/O or knows a protocol: a
 * transport asks a {@link dev.tenon.invocation.Call} where to send, and tells it what came of it.
 */
@NullMarked
package dev.tenon.invocation;

import org.jspecify.annotations.NullMarked;
