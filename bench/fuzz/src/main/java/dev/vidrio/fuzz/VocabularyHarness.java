package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
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
    use(
        () ->
            Tokenizers.fromGguf(
                Gguf.parse("input.gguf", MemorySegment.ofArray(data)).metadata(), 300));
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

  /** Returns vocabularies of each model: byte-level BPE, SentencePiece, unigram and WordPiece. */
  public static List<byte[]> seeds() {
    GgufWriter bytes = new GgufWriter();
    TinyVocabulary.putFirst(bytes, 257);
    return List.of(
        bytes.toImage().bytes(),
        scored("llama", "▁", "▁a", "The", "▁the", "or", "y"),
        scored("t5", "▁", "▁a", "The", "▁the", "or", "y"),
        scored("bert", "▁a", "▁the", "##or", "▁or", "y", "▁12"));
  }

  private static byte[] scored(String model, String... texts) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    for (int b = 0; b < 256; b++) {
      tokens.add("<0x%02X>".formatted(b));
    }
    Collections.addAll(tokens, texts);
    float[] scores = new float[tokens.size()];
    int[] types = new int[tokens.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = -i;
      types[i] = i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1;
    }
    return new GgufWriter()
        .string("tokenizer.ggml.model", model)
        .string("tokenizer.ggml.pre", "default")
        .strings("tokenizer.ggml.tokens", tokens)
        .float32s("tokenizer.ggml.scores", scores)
        .int32s("tokenizer.ggml.token_type", types)
        .uint32("tokenizer.ggml.unknown_token_id", 0)
        .uint32("tokenizer.ggml.bos_token_id", 1)
        .uint32("tokenizer.ggml.eos_token_id", 2)
        .toImage()
        .bytes();
  }
}
