package dev.vidrio.fuzz;

import dev.vidrio.bard.Bard;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Encodes text by the tokenizer of the embedded model: tokens decode to the bytes that they came
 * from, at once and one by one, and a limit on the number of tokens only cuts them.
 */
public final class TextHarness {
  private static final Tokenizer TOKENIZER = tokenizer();

  private TextHarness() {}

  /** Returns the tokenizer of the embedded model. */
  static Tokenizer tokenizer() {
    try (InputStream bard = Bard.open()) {
      return Tokenizers.fromGguf(
          Gguf.parse("bard.gguf", MemorySegment.ofArray(bard.readAllBytes())).metadata());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    EncodeOptions plain = new EncodeOptions(false, false);
    int[] bytes = TOKENIZER.encode(data, plain);
    Oracle.require(Arrays.equals(data, TOKENIZER.decodeBytes(bytes)), "bytes differ");
    String text = Fixtures.text(data);
    for (boolean special : List.of(false, true)) {
      EncodeOptions options = new EncodeOptions(special, false);
      int[] ids = TOKENIZER.encode(text, options);
      Oracle.requireEqual(text, TOKENIZER.decode(ids), "text");
      int half = ids.length / 2;
      Oracle.require(
          Arrays.equals(Arrays.copyOf(ids, half), TOKENIZER.encode(text, options, half)),
          "the first tokens differ");
    }
  }

  /** Returns texts of several scripts, and with the names of special tokens. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        "To be, or not to be: that is the question.\n",
        "naïve 玻璃 Стекло \uD83D\uDC69\u200D\uD83D\uDE80 e\u0301",
        "<|endoftext|><s> [INST] \t\r\n  12345 don't I'LL",
        "\u0000\u0001\u007f\u2028\ufeff\ufffd");
  }
}
