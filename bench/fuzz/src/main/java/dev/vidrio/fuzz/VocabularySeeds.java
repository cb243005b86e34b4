package dev.vidrio.fuzz;

import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import java.util.ArrayList;
import java.util.List;

/** Writes a vocabulary of each model as a GGUF file without tensors. */
final class VocabularySeeds {
  private static final String GGML = "tokenizer.ggml.";
  private static final String RULES = "vidrio.tokenizer.";
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;

  private final List<String> tokens = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();

  private VocabularySeeds() {}

  /** Returns the files, which are all valid. */
  static List<byte[]> all() {
    return List.of(
        firstBytes(),
        ruled(),
        bytes(tools("<|return|>", "<|call|>", "<|end|>", "<|channel|>")),
        bytes(tools("</s>", "<|tool_response>")),
        bytes(phi()),
        bytes(sentencePiece("▁", "▁a", "The", "▁the", "or", "y").writer("llama")),
        bytes(merged("llama")),
        bytes(merged("gemma4")),
        bytes(unigram()),
        bytes(wordPiece()),
        bytes(pipeline()),
        bytes(unigramPipeline()));
  }

  private static byte[] bytes(GgufWriter writer) {
    return writer.toImage().bytes();
  }

  private static byte[] firstBytes() {
    var writer = new GgufWriter();
    TinyVocabulary.putFirst(writer, 257);
    return bytes(writer);
  }

  /** Returns byte-level BPE with literal tokens that have rules. */
  private static byte[] ruled() {
    VocabularySeeds seeds = byteLevel();
    int left = seeds.add("<|left|>", USER_DEFINED);
    int right = seeds.add("<|right|>", USER_DEFINED);
    int single = seeds.add("word", USER_DEFINED);
    int normalized = seeds.add("Åa", USER_DEFINED);
    seeds.add("", UNUSED);
    return bytes(
        seeds
            .writer("gpt2")
            .string(RULES + "normalization", "NFC")
            .int32s(RULES + "strip_left", left)
            .int32s(RULES + "strip_right", right)
            .int32s(RULES + "single_word", single)
            .int32s(RULES + "normalized", normalized)
            .int32s(RULES + "pair", 0, 0, -1, 0, 0, 1, -2, 1)
            .uint32(GGML + "bos_token_id", 0)
            .uint32(GGML + "eos_token_id", 0)
            .bool(GGML + "add_bos_token", true)
            .bool(GGML + "add_eos_token", true));
  }

  /** Returns byte-level BPE with control tokens of chat formats. */
  private static GgufWriter tools(String... controls) {
    VocabularySeeds seeds = byteLevel();
    for (String control : controls) {
      seeds.add(control, CONTROL);
    }
    return seeds.writer("gpt2").uint32(GGML + "eos_token_id", 257 + TinyVocabulary.MERGES.size());
  }

  /** Returns a vocabulary that the name of the model gives rules. */
  private static GgufWriter phi() {
    return sentencePiece("▁", "a", "▁a")
        .literal("<|user|>")
        .writer("llama")
        .string("general.name", "Phi-3 mini");
  }

  private static GgufWriter unigram() {
    return sentencePiece("▁", "▁a", "The", "▁the", "or", "y")
        .literal("<mask>")
        .writer("t5")
        .string("general.architecture", "bert")
        .uint32(GGML + "mask_token_id", 265)
        .bool(GGML + "remove_extra_whitespaces", true)
        .int32s(GGML + "precompiled_charsmap", 0, 0, 0, 0);
  }

  private static GgufWriter wordPiece() {
    return sentencePiece("▁a", "▁the", "##or", "▁or", "y", "▁12")
        .writer("bert")
        .uint32(GGML + "cls_token_id", 1)
        .uint32(GGML + "seperator_token_id", 2);
  }

  /** Returns a SentencePiece vocabulary with merges in an order of their own. */
  private static GgufWriter merged(String model) {
    return sentencePiece("▁", "a", "b", "▁a", "ab")
        .writer(model)
        .strings(GGML + "merges", List.of("▁ a", "a b"))
        .string(RULES + "space_prefix", "FIRST_MISSING");
  }

  private static GgufWriter pipeline() {
    String stages =
        """
        {"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},
        {"type":"Prepend","prepend":"x"},{"type":"Replace","pattern":{"Regex":"  +"},"content":" "}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"},
        {"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false}]},
        "decoder":{"type":"ByteLevel"},"model":{"type":"BPE"}}
        """;
    return byteLevel().writer("vidrio").string(RULES + "pipeline", stages);
  }

  private static GgufWriter unigramPipeline() {
    String stages =
        """
        {"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},
        "decoder":{"type":"Metaspace","replacement":"▁"},"model":{"type":"Unigram","unk_id":0}}
        """;
    VocabularySeeds seeds = sentencePiece("▁", "▁a", "The", "or");
    return seeds
        .writer("vidrio")
        .string(RULES + "pipeline", stages)
        .float32s(RULES + "scores", seeds.scores());
  }

  /** Returns the tokens of the tiny model. */
  private static VocabularySeeds byteLevel() {
    var seeds = new VocabularySeeds();
    for (String token : TinyVocabulary.tokens()) {
      seeds.add(token, seeds.tokens.isEmpty() ? CONTROL : NORMAL);
    }
    return seeds;
  }

  /** Returns special tokens, a token for each byte, and texts. */
  private static VocabularySeeds sentencePiece(String... texts) {
    var seeds = new VocabularySeeds();
    seeds.add("<unk>", UNKNOWN);
    seeds.add("<s>", CONTROL);
    seeds.add("</s>", CONTROL);
    for (int b = 0; b < 256; b++) {
      seeds.add("<0x%02X>".formatted(b), BYTE);
    }
    for (String text : texts) {
      seeds.add(text, NORMAL);
    }
    return seeds;
  }

  private VocabularySeeds literal(String token) {
    add(token, USER_DEFINED);
    return this;
  }

  private int add(String token, int type) {
    tokens.add(token);
    types.add(type);
    return tokens.size() - 1;
  }

  private float[] scores() {
    var scores = new float[tokens.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = -i;
    }
    return scores;
  }

  private GgufWriter writer(String model) {
    GgufWriter writer =
        new GgufWriter()
            .string(GGML + "model", model)
            .strings(GGML + "tokens", tokens)
            .int32s(GGML + "token_type", types.stream().mapToInt(type -> type).toArray());
    if (types.contains(BYTE)) {
      return writer
          .string(GGML + "pre", "default")
          .float32s(GGML + "scores", scores())
          .uint32(GGML + "unknown_token_id", 0)
          .uint32(GGML + "bos_token_id", 1)
          .uint32(GGML + "eos_token_id", 2);
    }
    return writer.string(GGML + "pre", "gpt-2").strings(GGML + "merges", TinyVocabulary.MERGES);
  }
}
