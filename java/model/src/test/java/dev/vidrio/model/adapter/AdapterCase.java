package dev.vidrio.model.adapter;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;

/** The base of adapter tests with a small model. */
abstract class AdapterCase {
  static final int LENGTH = 30;

  @TempDir Path directory;

  Path tiny(GgmlType type) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    return TinyModel.write(file, TinyModel.Options.standard().withType(type).withBiases(true));
  }

  static int[] tokens(long seed) {
    return new SplittableRandom(seed).ints(LENGTH, 0, TinyModel.VOCABULARY).toArray();
  }

  static Session open(Model model, int adapters) {
    return model.newSession(options(adapters));
  }

  static SessionOptions options(int adapters) {
    return new SessionOptions(LENGTH, 16, 4, 16).withAdapters(adapters);
  }

  static @Nullable Adaptation adapted(@Nullable Adapter adapter, float strength) {
    return adapter == null ? null : new Adaptation(adapter, strength);
  }

  /** Returns the logits' bits after each token of a sequence alone, with the prompt in chunks. */
  static int[] alone(Session session, @Nullable Adaptation adaptation, int[] text, int piece) {
    List<int[]> rows = new ArrayList<>();
    try (Sequence sequence = session.newSequence()) {
      sequence.adapt(adaptation);
      for (int i = 0; i < text.length; ) {
        session.begin();
        for (int end = Math.min(text.length, i + piece); i < end; i++) {
          session.add(sequence, text[i], true);
        }
        session.run();
        for (int row = 0; row < session.logitRows(); row++) {
          rows.add(bits(session.logits(row)));
        }
      }
    }
    return rows.stream().flatMapToInt(Arrays::stream).toArray();
  }

  static int[] bits(MemorySegment row) {
    return row.toArray(JAVA_INT);
  }

  static void assertRejected(String message, Runnable action) {
    assertEquals(message, assertThrows(InvalidInputException.class, action::run).getMessage());
  }
}
