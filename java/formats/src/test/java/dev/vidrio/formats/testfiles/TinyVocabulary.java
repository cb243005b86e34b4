package dev.vidrio.formats.testfiles;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The tiny model's byte-level BPE vocabulary: end of text, one token per byte, a few merges. */
public final class TinyVocabulary {

  /** The merges by rank; Ġ is GPT-2's spelling of the space. */
  public static final List<String> MERGES =
      List.of("Ġ t", "h e", "Ġt he", "i n", "Ġ a", "e r", "o n");

  static final String END_OF_TEXT = "<|endoftext|>";

  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;

  private TinyVocabulary() {}

  static void put(GgufWriter writer) {
    put(writer, tokens(), MERGES, 0);
  }

  /**
   * Puts the first tokens only, for models with a smaller vocabulary; they do not cover all text.
   */
  public static void putFirst(GgufWriter writer, int count) {
    put(writer, tokens().subList(0, count), List.of(), 0);
  }

  /** Replaces the results of the last merges by user-defined tokens. */
  static void putUserDefined(GgufWriter writer, List<String> texts) {
    List<String> tokens = tokens();
    int first = tokens.size() - texts.size();
    for (int i = 0; i < texts.size(); i++) {
      tokens.set(first + i, texts.get(i));
    }
    put(writer, tokens, MERGES.subList(0, MERGES.size() - texts.size()), texts.size());
  }

  /** Adds unused tokens after the others, as converters do for padded embeddings. */
  static void putUnused(GgufWriter writer, int count) {
    List<String> tokens = new ArrayList<>(tokens());
    int[] types = new int[tokens.size() + count];
    Arrays.fill(types, 0, tokens.size(), NORMAL);
    Arrays.fill(types, tokens.size(), types.length, UNUSED);
    types[0] = CONTROL;
    for (int i = 0; i < count; i++) {
      tokens.add("[PAD" + i + "]");
    }
    writer.strings("tokenizer.ggml.tokens", tokens).int32s("tokenizer.ggml.token_type", types);
  }

  private static void put(
      GgufWriter writer, List<String> tokens, List<String> merges, int userDefined) {
    int[] types = new int[tokens.size()];
    int first = types.length - userDefined;
    Arrays.fill(types, 0, first, NORMAL);
    Arrays.fill(types, first, types.length, USER_DEFINED);
    types[0] = CONTROL;
    writer
        .string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "gpt-2")
        .strings("tokenizer.ggml.tokens", tokens)
        .int32s("tokenizer.ggml.token_type", types)
        .strings("tokenizer.ggml.merges", merges)
        .uint32("tokenizer.ggml.bos_token_id", 0)
        .uint32("tokenizer.ggml.eos_token_id", 0)
        .bool("tokenizer.ggml.add_bos_token", true)
        .bool("tokenizer.ggml.add_eos_token", false);
  }

  /** Returns all tokens: id 0 is end of text, 1 + b is byte b, then one per merge. */
  public static List<String> tokens() {
    List<String> tokens = new ArrayList<>();
    tokens.add(END_OF_TEXT);
    int stranger = 256;
    for (int b = 0; b < 256; b++) {
      // GPT-2 spells printable Latin-1 bytes as themselves and the others as code points from 256
      boolean prints = (b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad);
      tokens.add(Character.toString(prints ? b : stranger++));
    }
    for (String merge : MERGES) {
      tokens.add(merge.replace(" ", ""));
    }
    return tokens;
  }
}
