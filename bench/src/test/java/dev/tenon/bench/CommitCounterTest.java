package dev.tenon.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

class CommitCounterTest {
  private final ByteArrayOutputStream sent = new ByteArrayOutputStream();

  @Test
  void countsWhatWasCommittedByCommandOrByItself() {
    sent.write('N');
    message('Z', "I");
    done("BEGIN", "T");
    done("UPDATE 1", "T");
    done("COMMIT", "I");
    done("SELECT 1", "I");

    assertThat(counted(1000)).isEqualTo(2);
  }

  @Test
  void countsNothingThatWasRolledBackOrFailed() {
    done("BEGIN", "T");
    done("ROLLBACK", "I");
    message('E', "SERROR");
    message('Z', "I");

    assertThat(counted(1000)).isZero();
  }

  @Test
  void countsWhatIsPreparedAndWhatItBecomes() {
    done("PREPARE TRANSACTION", "I");
    done("COMMIT PREPARED", "I");

    assertThat(counted(1000)).isEqualTo(2);
  }

  @Test
  void doesNotMindWhereWhatCameIsCut() {
    done("BEGIN", "T");
    message('D', "a row that is longer than what is kept of a message");
    done("COMMIT", "I");
    done("SELECT 1", "I");

    assertThat(counted(1)).isEqualTo(2);
    assertThat(counted(3)).isEqualTo(2);
  }

  private void done(String tag, String state) {
    message('C', tag);
    message('Z', state);
  }

  private void message(char type, String body) {
    byte[] bytes = body.getBytes(StandardCharsets.US_ASCII);
    sent.write(type);
    sent.writeBytes(ByteBuffer.allocate(4).putInt(4 + bytes.length).array());
    sent.writeBytes(bytes);
  }

  private long counted(int pieces) {
    LongAdder commits = new LongAdder();
    CommitCounter counter = new CommitCounter(commits);
    byte[] all = sent.toByteArray();
    for (int at = 0; at < all.length; at += pieces) {
      counter.hear(all, at, Math.min(pieces, all.length - at));
    }
    return commits.sum();
  }
}
