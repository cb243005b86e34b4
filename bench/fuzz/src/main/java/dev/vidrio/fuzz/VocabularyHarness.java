package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;

/**
 * Reads the vocabulary of a GGUF file, encodes texts by it and decodes every token. A text's tokens
 * are ids of the vocabulary.
 */
public final class VocabularyHarness {
  private static final List<String> TEXTS =
      List.of("", "a", "The theory, 2026: naïve 玻璃 \uD83D\uDE00", "  \n\t<s></s> aaaa 12345");

  private VocabularyHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    use(() -> tokenizer(data));
  }

  /**
   * Returns the tokenizer of a GGUF file.
   *
   * @throws ModelException if the file or its vocabulary is invalid
   */
  static Tokenizer tokenizer(byte[] file) {
    return Tokenizers.fromGguf(
        Gguf.parse("input.gguf", MemorySegment.ofArray(file)).metadata(), 300);
  }

  /** Opens a tokenizer; encodes and decodes by it if it is accepted. */
  static void use(Supplier<Tokenizer> opener) {
    try {
      use(opener.get());
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  private static void use(Tokenizer tokenizer) {
    for (String text : TEXTS) {
      for (boolean special : List.of(true, false)) {
        int[] ids = tokenizer.encode(text, EncodeOptions.DEFAULT.withAddBosEos(special));
        for (int id : ids) {
          Oracle.require(id >= 0 && id < tokenizer.vocabularySize(), "token id " + id);
        }
        var _ = tokenizer.decode(ids);
      }
    }
    for (int id = 0; id < Math.min(tokenizer.vocabularySize(), 512); id++) {
      var _ = tokenizer.piece(id);
      var _ = tokenizer.type(id);
    }
    var _ = tokenizer.encodePair("a b", "c");
    var _ = tokenizer.endOfGeneration();
  }

  /** Returns vocabularies of each model. */
  public static List<byte[]> seeds() {
    return VocabularySeeds.all();
  }
}
