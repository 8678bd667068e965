/**
 * The crash explorer: runs a scenario once, counts every durable commit and every send, then reruns
 * it, striking each of them in turn with a crash, a broken connection, a duplicate or a delay, and
 * checks after recovery what must hold.
 *
 * <p>Start at {@link dev.tenon.testing.crash.CrashExplorer} and {@link
 * dev.tenon.testing.crash.Scenario}. It finds the commits by wrapping {@link javax.sql.DataSource}
 * and the sends by wrapping interfaces, so the code under test has no marks in it. It knows nothing
 * of messaging or of any transport.
 */
@NullMarked
package dev.tenon.testing.crash;

import org.jspecify.annotations.NullMarked;
