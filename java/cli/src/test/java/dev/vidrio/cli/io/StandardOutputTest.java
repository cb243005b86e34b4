package dev.vidrio.cli.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StandardOutputTest {
  /** A closed pipe costs one failed write; the remaining lines of a table are discarded at once. */
  @Test
  void doesNotRetryFailedOutput() {
    var sink = new Closed();
    try (var output = new StandardOutput(sink)) {
      for (int i = 0; i < 3; i++) {
        IOException e = assertThrows(IOException.class, () -> output.write('a'));
        assertEquals("Broken pipe", e.getMessage());
      }
      assertEquals(1, sink.writes);
      assertEquals(Optional.empty(), output.failure());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** A broken pipe. */
  private static final class Closed extends OutputStream {
    private int writes;

    @Override
    public void write(int b) throws IOException {
      writes++;
      throw new IOException("Broken pipe");
    }
  }
}
