package dev.tenon.testing.database;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Why something failed and what to do about it, in one sentence each.
 *
 * @param cause the reason, without a full stop
 * @param advice what to do, without a full stop
 */
record Reason(String cause, String advice) {

  /** A known pattern of trouble in what a program or the system said; the first match counts. */
  private record Known(Pattern pattern, String cause, String advice) {

    Known(String pattern, String cause, String advice) {
      this(Pattern.compile(pattern, Pattern.DOTALL), cause, advice);
    }
  }

  private static final String PORT_IN_USE = "the port is in use by another process";

  private static final List<Known> KNOWN =
      List.of(
          new Known(
              "unshare.*(Operation not permitted|Invalid argument|No space left|No such file)",
              "PostgreSQL does not run as root, and user namespaces are not available here",
              "Run as an ordinary user, or let root create user namespaces (unshare -U)"),
          new Known(
              "shared memory segment.*No space left on device",
              "the shared memory file system (/dev/shm) is full",
              "Enlarge it, or set dynamic_shared_memory_type=mmap"),
          new Known(
              "No space left on device|Disk quota exceeded",
              "the disk is full",
              "Free some space or name a directory on another disk"),
          new Known(
              "Address already in use", PORT_IN_USE, "Name another port, or stop that process"),
          new Known(
              "Read-only file system",
              "the directory is on a read-only file system",
              "Name a directory that can be written"),
          new Known(
              "Permission denied|Operation not permitted",
              "the directory is not writable for this user",
              "Change its owner or permissions, or name another directory"),
          new Known(
              "Not a directory",
              "a part of the path is a file, not a directory",
              "Name another directory"));

  private static final Pattern BAD_SETTING =
      Pattern.compile(
          "LOG: +(unrecognized configuration parameter .*|invalid value for parameter .*"
              + "|.* is outside the valid range .*|parameter .* requires .*)");

  private static final Pattern COMPLAINT = Pattern.compile("(?:FATAL|PANIC|error): +(.*)");

  /** Reads what a program printed or logged. */
  static Reason of(String output, String advice) {
    for (Known known : KNOWN) {
      if (known.pattern.matcher(output).find()) {
        return new Reason(known.cause, known.advice);
      }
    }
    Matcher setting = BAD_SETTING.matcher(output);
    if (output.contains("contains errors") && setting.find()) {
      return new Reason(setting.group(1), "Correct the setting");
    }
    List<String> complaints =
        COMPLAINT.matcher(output).results().map(match -> match.group(1)).toList();
    if (!complaints.isEmpty()) {
      return new Reason(complaints.getLast(), advice);
    }
    String last = output.isBlank() ? "it said nothing" : output.lines().toList().getLast();
    return new Reason(last, advice);
  }

  /** Reads what the system said. */
  static Reason of(IOException failure, String advice) {
    if (failure instanceof AccessDeniedException) {
      return of("Permission denied", advice);
    }
    if (failure instanceof FileAlreadyExistsException) {
      return of("Not a directory", advice);
    }
    String message = String.valueOf(failure.getMessage());
    for (Known known : KNOWN) {
      if (known.pattern.matcher(message).find()) {
        return new Reason(known.cause, known.advice);
      }
    }
    return new Reason(message, advice);
  }

  boolean portInUse() {
    return cause.equals(PORT_IN_USE);
  }

  /** Both as sentences. */
  @Override
  public String toString() {
    return cause.replaceFirst("\\.$", "") + ". " + advice + ".";
  }
}
