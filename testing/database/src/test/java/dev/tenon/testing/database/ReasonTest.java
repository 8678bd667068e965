package dev.tenon.testing.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReasonTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "FATAL:  could not write to file \"pg_wal/x\": No space left on device | the disk is full",
        "could not resize shared memory segment \"/P\": No space left on device | /dev/shm",
        "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use | port is in use",
        "unshare: unshare failed: Operation not permitted | does not run as root",
        "could not create directory \"/x\": Permission denied | not writable",
        "could not create directory \"/x\": Read-only file system | read-only",
        "LOG:  unrecognized configuration parameter \"maks\" in file%nFATAL: x contains errors"
            + "| \"maks\" in file. Correct the setting.",
        "LOG: a%nFATAL:  bogus value \"x\"%nLOG: b | bogus value \"x\". Read the log.",
      })
  void readsWhatProgramsPrint(String output, String expected) {
    String printed = output.replace("%n", "\n");

    assertThat(Reason.of(printed, "Read the log").toString()).contains(expected).endsWith(".");
  }

  @Test
  void readsWhatTheSystemSays() {
    assertThat(Reason.of(new AccessDeniedException("/x"), ""))
        .hasToString(
            "the directory is not writable for this user."
                + " Change its owner or permissions, or name another directory.");
    assertThat(Reason.of(new FileSystemException("/x", null, "No space left on device"), ""))
        .asString()
        .startsWith("the disk is full. ");
    assertThat(
            Reason.of(
                new IOException(
                    "Cannot run program \"unshare\": error=2, No such file or directory"),
                ""))
        .asString()
        .contains("does not run as root");
    assertThat(Reason.of(new IOException("odd."), "Try again")).hasToString("odd. Try again.");
  }
}
