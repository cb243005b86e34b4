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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Encodes text by a tokenizer, which the first byte chooses: that of the embedded model or one of
 * each other model. Tokens of the embedded model decode to the bytes that they came from. A limit
 * on the number of tokens only cuts them.
 */
public final class TextHarness {
  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);
  private static final Tokenizer BARD = tokenizer();
  private static final List<Tokenizer> OTHERS =
      VocabularySeeds.all().stream().map(VocabularyHarness::tokenizer).toList();

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
    if (data.length == 0) {
      return;
    }
    byte[] bytes = Arrays.copyOfRange(data, 1, data.length);
    int chosen = Byte.toUnsignedInt(data[0]) % (2 * OTHERS.size());
    if (chosen < OTHERS.size()) {
      encode(OTHERS.get(chosen), Fixtures.text(bytes));
      return;
    }
    Oracle.require(
        Arrays.equals(bytes, BARD.decodeBytes(BARD.encode(bytes, PLAIN))), "bytes differ");
    String text = Fixtures.text(bytes);
    Oracle.requireEqual(text, BARD.decode(encode(BARD, text)), "text");
  }

  /** Encodes a text with and without special tokens, and returns its tokens without them. */
  private static int[] encode(Tokenizer tokenizer, String text) {
    for (boolean special : List.of(false, true)) {
      EncodeOptions options = new EncodeOptions(special, false);
      int[] ids = tokenizer.encode(text, options);
      int half = ids.length / 2;
      Oracle.require(
          Arrays.equals(Arrays.copyOf(ids, half), tokenizer.encode(text, options, half)),
          "the first tokens differ");
    }
    EncodeOptions complete = EncodeOptions.DEFAULT.withAddBosEos(true);
    int[] ids = tokenizer.encode(text, complete);
    Oracle.require(
        Arrays.equals(ids, tokenizer.encode(List.of("", text), complete)), "parts differ");
    int least = Math.min(ids.length, 2);
    int[] cut = tokenizer.encode(text, complete, Math.max(least, ids.length / 2));
    Oracle.require(cut.length == Math.max(least, ids.length / 2), "the cut has another length");
    var _ = tokenizer.decode(ids);
    return tokenizer.encode(text, PLAIN);
  }

  /** Returns texts of several scripts, and with the names of special tokens. */
  public static List<byte[]> seeds() {
    List<byte[]> seeds = new ArrayList<>();
    for (byte[] text : texts()) {
      for (int tokenizer = 0; tokenizer <= OTHERS.size(); tokenizer++) {
        byte[] seed = new byte[1 + text.length];
        seed[0] = (byte) tokenizer;
        System.arraycopy(text, 0, seed, 1, text.length);
        seeds.add(seed);
      }
    }
    return seeds;
  }

  private static List<byte[]> texts() {
    return Fixtures.bytes(
        "To be, or not to be: that is the question.\n",
        "naïve 玻璃 Стекло \uD83D\uDC69\u200D\uD83D\uDE80 e\u0301",
        "a <|left|> b <|right|> word words wor\u0301d A\u030Aa \u00C5a <mask> <|user|>\u2003 x",
        "<|endoftext|><s> [INST] \t\r\n  12345 don't I'LL",
        "\u0000\u0001\u007f\u2028\ufeff\ufffd");
  }
}
