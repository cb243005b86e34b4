package dev.vidrio.formats.testfiles.hostile;

import dev.vidrio.formats.gguf.GgufValueType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** Valid files with a tokenizer that is missing, inconsistent or does not fit the weights. */
final class HostileTokenizers {

  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String SCORES = "tokenizer.ggml.scores";
  private static final String CHARSMAP = "tokenizer.ggml.precompiled_charsmap";
  private static final String PIPELINE = "vidrio.tokenizer.pipeline";
  private static final String MERGES = "tokenizer.ggml.merges";

  private final List<HostileFile> files = new ArrayList<>();

  private HostileTokenizers() {}

  static List<HostileFile> files() {
    HostileTokenizers tokenizers = new HostileTokenizers();
    tokenizers.kinds();
    tokenizers.tokens();
    tokenizers.types();
    tokenizers.merges();
    tokenizers.specialTokens();
    tokenizers.unigram();
    tokenizers.pipelines();
    return tokenizers.files;
  }

  private void add(String name, String expected, Consumer<GgufWriter> change) {
    GgufWriter writer = TinyModel.writer(TinyModel.Options.standard());
    change.accept(writer);
    files.add(new HostileFile("tokenizer-" + name, writer.toBytes(), expected));
  }

  private void missing(String name, String key) {
    add(name + "-missing", key, writer -> writer.remove(key));
  }

  private void kinds() {
    missing("model", "tokenizer.ggml.model");
    add("model-unknown", "telepathy", w -> w.string("tokenizer.ggml.model", "telepathy"));
    add("model-number", "tokenizer.ggml.model", w -> w.uint32("tokenizer.ggml.model", 1));
    add("pre-unknown", "telegram", w -> w.string("tokenizer.ggml.pre", "telegram"));
    String prefix = "vidrio.tokenizer.space_prefix";
    add("space-prefix-unknown", prefix, w -> sentencePiece(w).string(prefix, "SOMETIMES"));
    add("space-prefix-number", prefix, w -> sentencePiece(w).uint32(prefix, 1));
    String normalization = "vidrio.tokenizer.normalization";
    add("normalization-unknown", normalization, w -> w.string(normalization, "NFX"));
    String strip = "vidrio.tokenizer.strip_right";
    add("strip-past-vocabulary", strip, w -> w.int32s(strip, 264));
    add("pre-number", "tokenizer.ggml.pre", w -> w.uint32("tokenizer.ggml.pre", 1));
  }

  private static GgufWriter sentencePiece(GgufWriter writer) {
    return writer
        .string("tokenizer.ggml.model", "llama")
        .float32s("tokenizer.ggml.scores", new float[264]);
  }

  /** Replaces the last token, which then is the result of no merge. */
  private void lastToken(String name, String text) {
    List<String> tokens = new ArrayList<>(TinyVocabulary.tokens());
    tokens.set(tokens.size() - 1, text);
    List<String> merges = TinyVocabulary.MERGES.subList(0, TinyVocabulary.MERGES.size() - 1);
    add(name, TOKENS, writer -> writer.strings(TOKENS, tokens).strings(MERGES, merges));
  }

  /**
   * Replaces the vocabulary by a consistent one that does not match the 264 rows of the embedding.
   */
  private void size(String name, List<String> tokens, int size) {
    int[] types = new int[size];
    Arrays.fill(types, 1);
    List<String> merges = TinyVocabulary.MERGES.subList(0, TinyVocabulary.MERGES.size() - 1);
    add(
        name,
        "toke",
        writer ->
            writer
                .strings(TOKENS, tokens)
                .int32s(TYPES, types)
                .strings(MERGES, merges)
                .uint32("llama.vocab_size", size));
  }

  private void tokens() {
    missing("tokens", TOKENS);
    add("tokens-empty", "tokenizer.ggml.", writer -> writer.strings(TOKENS, List.of()));
    add("tokens-string", TOKENS, writer -> writer.string(TOKENS, "a"));
    add("tokens-integers", TOKENS, writer -> writer.int32s(TOKENS, new int[264]));
    List<String> more = new ArrayList<>(TinyVocabulary.tokens());
    more.add("more");
    size("tokens-fewer-than-rows", more.subList(0, 263), 263);
    size("tokens-more-than-rows", more, 265);
    String size = "llama.vocab_size";
    add("vocabulary-size-disagrees", size, writer -> writer.uint32(size, 999));
    add("vocabulary-size-0", size, writer -> writer.uint32(size, 0));
    lastToken("token-twice", "a");
    lastToken("token-empty", "");
    add("token-not-utf8", TOKENS, HostileTokenizers::breakUtf8);
  }

  /** Replaces the last token by a lone continuation byte. */
  private static void breakUtf8(GgufWriter writer) {
    List<String> tokens = new ArrayList<>(TinyVocabulary.tokens());
    tokens.set(tokens.size() - 1, "?");
    byte[] value = GgufWriter.elements(tokens);
    value[value.length - 1] = (byte) 0x80;
    writer.array(TOKENS, GgufValueType.STRING, tokens.size(), value);
  }

  private void types(String name, int length, int id, int type) {
    int[] types = new int[length];
    Arrays.fill(types, 1);
    types[0] = 3;
    types[id] = type;
    add(name, TYPES, writer -> writer.int32s(TYPES, types));
  }

  private void types() {
    types("types-fewer", 263, 1, 1);
    types("types-more", 265, 1, 1);
    types("type-negative", 264, 5, -1);
    types("type-unknown", 264, 5, 99);
    add("types-strings", TYPES, writer -> writer.strings(TYPES, List.of("1")));
    add("types-floats", TYPES, writer -> writer.float32s(TYPES, new float[264]));
    int[] bytes = new int[264];
    Arrays.fill(bytes, 1);
    bytes[260] = 6;
    List<String> tokens = new ArrayList<>(TinyVocabulary.tokens());
    tokens.set(260, "<0x100>");
    add(
        "byte-token-above-255",
        TOKENS,
        writer -> writer.strings(TOKENS, tokens).int32s(TYPES, bytes));
  }

  /** Appends one merge. */
  private void merge(String name, String merge) {
    List<String> merges = new ArrayList<>(TinyVocabulary.MERGES);
    merges.add(merge);
    add(name, MERGES, writer -> writer.strings(MERGES, merges));
  }

  private void merges() {
    missing("merges", MERGES);
    add("merges-integers", MERGES, writer -> writer.int32s(MERGES, 1, 2));
    merge("merge-empty", "");
    merge("merge-without-space", "ab");
    merge("merge-one-side", "a ");
    merge("merge-three-parts", "a b c");
    merge("merge-of-no-token", "zz zz");
    merge("merge-into-no-token", "q q");
    merge("merge-longer-than-any-token", "a " + "b".repeat(5000));
  }

  private void id(String name, String key, GgufValueType type, long value) {
    add(name, key, writer -> writer.integer(key, type, value));
  }

  private void specialTokens() {
    String bos = "tokenizer.ggml.bos_token_id";
    String eos = "tokenizer.ggml.eos_token_id";
    id("bos-past-vocabulary", bos, GgufValueType.UINT32, 264);
    id("bos-2-32", bos, GgufValueType.UINT32, 0xffffffffL);
    id("bos-negative", bos, GgufValueType.INT32, -1);
    id("eos-past-vocabulary", eos, GgufValueType.UINT32, 264);
    id("eos-2-64", eos, GgufValueType.UINT64, -1);
    add("bos-string", bos, writer -> writer.string(bos, "<s>"));
    add(
        "add-bos-number",
        "tokenizer.ggml.add_bos_token",
        writer -> writer.uint32("tokenizer.ggml.add_bos_token", 1));
    add("bos-wanted-but-missing", bos, writer -> writer.remove(bos));
  }

  private void unigram(String name, String expected, Consumer<GgufWriter> change) {
    add(
        "unigram-" + name,
        expected,
        writer -> {
          writer
              .string("tokenizer.ggml.model", "t5")
              .float32s(SCORES, new float[264])
              .uint32("tokenizer.ggml.unknown_token_id", 0);
          change.accept(writer);
        });
  }

  private void unigram() {
    unigram("scores-missing", SCORES, writer -> writer.remove(SCORES));
    unigram("scores-fewer", SCORES, writer -> writer.float32s(SCORES, new float[263]));
    unigram("scores-integers", SCORES, writer -> writer.int32s(SCORES, new int[264]));
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] scores = new float[264];
      scores[7] = bad;
      unigram("score-" + bad, SCORES, writer -> writer.float32s(SCORES, scores));
    }
    unigram(
        "unknown-missing",
        "unknown token",
        writer -> writer.remove("tokenizer.ggml.unknown_token_id"));
    int[] types = new int[264];
    Arrays.fill(types, 1);
    types[260] = 6;
    List<String> tokens = new ArrayList<>(TinyVocabulary.tokens());
    tokens.set(260, "<0x41>");
    unigram(
        "some-bytes-only",
        "lacks the byte <0x00>",
        writer -> writer.strings(TOKENS, tokens).int32s(TYPES, types));
    String prefix = "tokenizer.ggml.add_space_prefix";
    unigram("space-prefix-number", prefix, writer -> writer.uint32(prefix, 1));
    unigram("charsmap-short", CHARSMAP, writer -> writer.int32s(CHARSMAP, 1, 2));
    unigram("charsmap-string", CHARSMAP, writer -> writer.string(CHARSMAP, "a"));
    unigram("charsmap-past-byte", CHARSMAP, writer -> writer.int32s(CHARSMAP, 4, 0, 0, 300));
    unigram("charsmap-long-trie", CHARSMAP, w -> w.int32s(CHARSMAP, 8, 0, 0, 0, 1, 2, 3, 4));
    int[] endless = new int[4 + 5000];
    Arrays.fill(endless, 4, endless.length, 'a');
    unigram("charsmap-endless", CHARSMAP, writer -> writer.int32s(CHARSMAP, endless));
  }

  private void pipeline(String name, String expected, String stages) {
    add(
        "pipeline-" + name,
        expected,
        writer -> writer.string("tokenizer.ggml.model", "vidrio").string(PIPELINE, stages));
  }

  private void pipelines() {
    add("pipeline-missing", PIPELINE, w -> w.string("tokenizer.ggml.model", "vidrio"));
    pipeline("no-json", PIPELINE, "{");
    pipeline("nested", PIPELINE, "[".repeat(100_000));
    pipeline("unknown-step", "'Nmt'", "{\"normalizer\":{\"type\":\"Nmt\"}}");
    String split = "{\"pre_tokenizer\":{\"type\":\"Split\",\"behavior\":\"Removed\",\"pattern\":";
    pipeline("looks-back", "(?<=a)", split + "{\"Regex\":\"(?<=a)b\"}}}");
    pipeline("too-many-states", "states", split + "{\"Regex\":\"(a|b)*a(a|b){20}\"}}}");
    pipeline("unigram-without-scores", "unk_id", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0}}");
    add(
        "pipeline-scores-fewer",
        "scores",
        writer ->
            writer
                .string("tokenizer.ggml.model", "vidrio")
                .string(PIPELINE, "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0}}")
                .float32s("vidrio.tokenizer.scores", 1f));
    for (String flag : List.of("strip_left", "single_word", "normalized")) {
      String key = "vidrio.tokenizer." + flag;
      add(flag + "-past-vocabulary", key, writer -> writer.int32s(key, 264));
    }
  }
}
