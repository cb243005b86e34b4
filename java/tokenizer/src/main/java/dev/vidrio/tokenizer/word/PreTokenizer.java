package dev.vidrio.tokenizer.word;

import static dev.vidrio.tokenizer.word.WordPatterns.AFMOE_SCRIPTS;
import static dev.vidrio.tokenizer.word.WordPatterns.BAILING_MOE;
import static dev.vidrio.tokenizer.word.WordPatterns.BLOOM;
import static dev.vidrio.tokenizer.word.WordPatterns.CHAMELEON_IMAGES;
import static dev.vidrio.tokenizer.word.WordPatterns.CHAMELEON_SENTINELS;
import static dev.vidrio.tokenizer.word.WordPatterns.CHAMELEON_SPACES;
import static dev.vidrio.tokenizer.word.WordPatterns.CHAMELEON_SYMBOLS;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_3;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_3_CJK;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_CJK;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_CODER_LETTERS;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_CODER_SYMBOLS;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_LETTERS;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_SYMBOLS;
import static dev.vidrio.tokenizer.word.WordPatterns.DEEPSEEK_TRAILING_SPACES;
import static dev.vidrio.tokenizer.word.WordPatterns.DEFAULT_SYMBOLS;
import static dev.vidrio.tokenizer.word.WordPatterns.DIGIT_ALONE;
import static dev.vidrio.tokenizer.word.WordPatterns.DIGIT_GROUPS;
import static dev.vidrio.tokenizer.word.WordPatterns.DIGIT_GROUPS_AHEAD;
import static dev.vidrio.tokenizer.word.WordPatterns.EXAONE_MOE;
import static dev.vidrio.tokenizer.word.WordPatterns.FALCON_SYMBOLS;
import static dev.vidrio.tokenizer.word.WordPatterns.GPT_2;
import static dev.vidrio.tokenizer.word.WordPatterns.GPT_4O;
import static dev.vidrio.tokenizer.word.WordPatterns.JAIS_2;
import static dev.vidrio.tokenizer.word.WordPatterns.KIMI_K2;
import static dev.vidrio.tokenizer.word.WordPatterns.LLAMA_3;
import static dev.vidrio.tokenizer.word.WordPatterns.MINI_CPM_5;
import static dev.vidrio.tokenizer.word.WordPatterns.NEWLINE;
import static dev.vidrio.tokenizer.word.WordPatterns.NUMBERS;
import static dev.vidrio.tokenizer.word.WordPatterns.NUMBER_GROUPS;
import static dev.vidrio.tokenizer.word.WordPatterns.QWEN_2;
import static dev.vidrio.tokenizer.word.WordPatterns.QWEN_3_5;
import static dev.vidrio.tokenizer.word.WordPatterns.SEED_CODER;
import static dev.vidrio.tokenizer.word.WordPatterns.SPARK_2_5;
import static dev.vidrio.tokenizer.word.WordPatterns.TEKKEN;
import static dev.vidrio.tokenizer.word.WordPatterns.THREE_DIGITS;
import static dev.vidrio.tokenizer.word.WordPatterns.UFAKZEKA;
import static dev.vidrio.tokenizer.word.WordPatterns.UP_TO_3_DIGITS;
import static dev.vidrio.tokenizer.word.WordPatterns.YOUTU;
import static dev.vidrio.tokenizer.word.WordPatterns.YOUTU_SCRIPTS;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.CharSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The pre-tokenizer of a model family: the patterns that split text into words.
 *
 * <p>Names and groups are those of llama.cpp. Where llama.cpp approximates the original pattern,
 * the original is used: {@code (?i:'s)} matches U+017F, and {@code gpt-4o} and {@code tekken}
 * distinguish case in all scripts and treat marks as letters.
 *
 * @param patterns the regular expressions, applied one after the other
 * @param ignoreMerges if true, a word that is a token as a whole becomes that token without merging
 * @param addBos whether BOS is prepended unless the file says otherwise
 */
public record PreTokenizer(List<String> patterns, boolean ignoreMerges, boolean addBos) {

  /** The names shown in errors; the others are names of single models. */
  static final String SUPPORTED =
      "gpt-2, llama-bpe, qwen2, smollm, falcon, deepseek-llm, gpt-4o, tekken and others";

  /** The encoders with two tokens between the sequences of a pair. */
  private static final String ROBERTA = "roberta-bpe jina-v1-en jina-v2-code";

  private static final Map<String, PreTokenizer> BY_NAME = new LinkedHashMap<>();

  static {
    define(
        "gpt-2 phi-2 jina-es jina-de gigachat a.x-4.0 mellum mpt olmo jais trillion"
            + " granite-docling exaone4",
        GPT_2);
    define(
        "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
        DIGIT_ALONE,
        GPT_2);
    define("dbrx smaug-bpe chatglm-bpe", LLAMA_3);
    define(
        "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2", QWEN_2);
    define(ROBERTA + " jina-v2-es jina-v2-de modern-bert", GPT_2);
    define("qwen35", QWEN_3_5);
    define("ufakzeka", UFAKZEKA);
    define("seed-coder", SEED_CODER);
    define("bailingmoe bailingmoe2 llada-moe", BAILING_MOE);
    define("exaone-moe", EXAONE_MOE);
    define("gpt-4o llama4 kanana2 talkie minimax-m2", GPT_4O);
    define("poro-chat bloom gpt3-finnish", BLOOM);
    define("viking", BLOOM, DIGIT_ALONE);
    define("falcon", FALCON_SYMBOLS, GPT_2, THREE_DIGITS);
    define("default", DEFAULT_SYMBOLS, GPT_2, NUMBERS, THREE_DIGITS);
    define(
        "deepseek-coder",
        NEWLINE,
        DEEPSEEK_CODER_LETTERS,
        DEEPSEEK_CODER_SYMBOLS,
        DEEPSEEK_CJK,
        DIGIT_ALONE);
    define(
        "deepseek-llm",
        NEWLINE,
        DEEPSEEK_LETTERS,
        DEEPSEEK_SYMBOLS,
        DEEPSEEK_TRAILING_SPACES,
        DEEPSEEK_CJK,
        NUMBERS);
    define("deepseek-v3 hunyuan-dense joyai-llm hy_v4", UP_TO_3_DIGITS, DEEPSEEK_3_CJK, DEEPSEEK_3);
    define("spark2_5", UP_TO_3_DIGITS, DEEPSEEK_3_CJK, SPARK_2_5, DIGIT_ALONE);
    define("afmoe", NUMBER_GROUPS, AFMOE_SCRIPTS, DEEPSEEK_3);
    define("tiny_aya cohere2moe", DIGIT_GROUPS, GPT_4O);
    define("superbpe", NUMBERS, DIGIT_GROUPS_AHEAD);
    define("kimi-k2", KIMI_K2);
    define("jais-2", JAIS_2);
    define(
        "chameleon",
        false,
        true,
        CHAMELEON_SENTINELS,
        CHAMELEON_IMAGES,
        CHAMELEON_SPACES,
        DIGIT_ALONE,
        CHAMELEON_SYMBOLS,
        GPT_2);
    define("granite-embed-multi-97m", true, false, GPT_4O);
    define("youtu", true, false, YOUTU_SCRIPTS, YOUTU);
    define("laguna", "[^\n]+|[\n]+", QWEN_2);
    define(
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
        true,
        true,
        LLAMA_3);
    define("tekken", true, true, TEKKEN);
    define("glm4 glm5", true, false, LLAMA_3);
    define("minicpm5", true, false, UP_TO_3_DIGITS, MINI_CPM_5);
  }

  private static void define(String names, String... patterns) {
    define(names, false, false, patterns);
  }

  private static void define(
      String names, boolean ignoreMerges, boolean addBos, String... patterns) {
    var preTokenizer = new PreTokenizer(List.of(patterns), ignoreMerges, addBos);
    for (String name : names.split(" ", -1)) {
      BY_NAME.put(name, preTokenizer);
    }
  }

  /**
   * Returns a pre-tokenizer.
   *
   * @param source the file, for errors
   * @throws UnsupportedModelException if the name is unknown
   */
  public static PreTokenizer require(String source, String name) {
    return find(name)
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    source, "pre-tokenizer '" + name + "'", "supported: " + SUPPORTED));
  }

  /** Returns the pre-tokenizer with a name in {@code tokenizer.ggml.pre}, if it is known. */
  static Optional<PreTokenizer> find(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  /** Returns whether pairs of this encoder have a separator after the first sequence's EOS. */
  public static boolean isRoberta(String name) {
    return List.of(ROBERTA.split(" ", -1)).contains(name);
  }

  /** Returns the first name of the pre-tokenizer with these properties, if there is one. */
  public static Optional<String> nameOf(List<String> patterns, boolean ignoreMerges) {
    return BY_NAME.entrySet().stream()
        .filter(entry -> entry.getValue().patterns().equals(patterns))
        .filter(entry -> entry.getValue().ignoreMerges() == ignoreMerges)
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /** Compiles the patterns. */
  public WordSplitter splitter() {
    return WordSplitter.sequence(patterns.stream().map(PreTokenizer::splitter).toList());
  }

  private static WordSplitter splitter(String pattern) {
    return switch (pattern) {
      case DIGIT_GROUPS -> new DigitGroups(CharSet.DIGIT, DigitGroups.Kind.NUMBERS);
      case DIGIT_GROUPS_AHEAD -> new DigitGroups(CharSet.DIGIT, DigitGroups.Kind.BEFORE_GROUPS);
      case NUMBER_GROUPS -> new DigitGroups(CharSet.NUMBER, DigitGroups.Kind.RUNS);
      default -> WordSplitter.around(new RegexSearch(pattern));
    };
  }
}
