package dev.vidrio.tokenizer.word;

import static dev.vidrio.tokenizer.word.WordPatterns.DIGIT_ALONE;
import static dev.vidrio.tokenizer.word.WordPatterns.GPT_2;
import static dev.vidrio.tokenizer.word.WordPatterns.LLAMA_3;
import static dev.vidrio.tokenizer.word.WordPatterns.NEWLINE;
import static dev.vidrio.tokenizer.word.WordPatterns.NUMBERS;
import static dev.vidrio.tokenizer.word.WordPatterns.QWEN_2;
import static dev.vidrio.tokenizer.word.WordPatterns.THREE_DIGITS;
import static dev.vidrio.tokenizer.word.WordPatterns.UP_TO_3_DIGITS;

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
 * <p>Names and groups are those of llama.cpp, without the encoders' pre-tokenizers, whose mask
 * token strips spaces. Where llama.cpp approximates the original pattern, the original is used:
 * {@code (?i:'s)} matches U+017F, and {@code gpt-4o} and {@code tekken} distinguish case in all
 * scripts and treat marks as letters.
 *
 * @param patterns the regular expressions, applied one after the other
 * @param ignoreMerges if true, a word that is a token as a whole becomes that token without merging
 * @param addBos whether BOS is prepended unless the file says otherwise
 */
public record PreTokenizer(List<String> patterns, boolean ignoreMerges, boolean addBos) {

  /** The names shown in errors; the others are names of single models. */
  static final String SUPPORTED =
      "gpt-2, llama-bpe, qwen2, smollm, falcon, deepseek-llm, gpt-4o, tekken and others";

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
    define("qwen35", WordPatterns.QWEN_3_5);
    define("ufakzeka", WordPatterns.UFAKZEKA);
    define("seed-coder", WordPatterns.SEED_CODER);
    define("bailingmoe bailingmoe2 llada-moe", WordPatterns.BAILING_MOE);
    define("exaone-moe", WordPatterns.EXAONE_MOE);
    define("gpt-4o llama4 kanana2 talkie minimax-m2", WordPatterns.GPT_4O);
    define("poro-chat bloom gpt3-finnish", WordPatterns.BLOOM);
    define("viking", WordPatterns.BLOOM, DIGIT_ALONE);
    define("falcon", WordPatterns.FALCON_SYMBOLS, GPT_2, THREE_DIGITS);
    define("default", WordPatterns.DEFAULT_SYMBOLS, GPT_2, NUMBERS, THREE_DIGITS);
    define(
        "deepseek-coder",
        NEWLINE,
        WordPatterns.DEEPSEEK_CODER_LETTERS,
        WordPatterns.DEEPSEEK_CODER_SYMBOLS,
        WordPatterns.DEEPSEEK_CJK,
        DIGIT_ALONE);
    define(
        "deepseek-llm",
        NEWLINE,
        WordPatterns.DEEPSEEK_LETTERS,
        WordPatterns.DEEPSEEK_SYMBOLS,
        WordPatterns.DEEPSEEK_TRAILING_SPACES,
        WordPatterns.DEEPSEEK_CJK,
        NUMBERS);
    define(
        "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
        UP_TO_3_DIGITS,
        WordPatterns.DEEPSEEK_3_CJK,
        WordPatterns.DEEPSEEK_3);
    define(
        "spark2_5",
        UP_TO_3_DIGITS,
        WordPatterns.DEEPSEEK_3_CJK,
        WordPatterns.SPARK_2_5,
        DIGIT_ALONE);
    define(
        "afmoe", WordPatterns.NUMBER_GROUPS, WordPatterns.AFMOE_SCRIPTS, WordPatterns.DEEPSEEK_3);
    define("tiny_aya cohere2moe", WordPatterns.DIGIT_GROUPS, WordPatterns.GPT_4O);
    define("superbpe", NUMBERS, WordPatterns.DIGIT_GROUPS_AHEAD);
    define("kimi-k2", WordPatterns.KIMI_K2);
    define("jais-2", WordPatterns.JAIS_2);
    define(
        "chameleon",
        new PreTokenizer(
            List.of(
                WordPatterns.CHAMELEON_SENTINELS,
                WordPatterns.CHAMELEON_IMAGES,
                WordPatterns.CHAMELEON_SPACES,
                DIGIT_ALONE,
                WordPatterns.CHAMELEON_SYMBOLS,
                GPT_2),
            false,
            true));
    define("granite-embed-multi-97m", new PreTokenizer(List.of(WordPatterns.GPT_4O), true, false));
    define(
        "youtu",
        new PreTokenizer(List.of(WordPatterns.YOUTU_SCRIPTS, WordPatterns.YOUTU), true, false));
    define("laguna", "[^\n]+|[\n]+", QWEN_2);
    define(
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
        new PreTokenizer(List.of(LLAMA_3), true, true));
    define("tekken", new PreTokenizer(List.of(WordPatterns.TEKKEN), true, true));
    define("glm4 glm5", new PreTokenizer(List.of(LLAMA_3), true, false));
    define(
        "minicpm5",
        new PreTokenizer(List.of(UP_TO_3_DIGITS, WordPatterns.MINI_CPM_5), true, false));
  }

  private static void define(String names, String... patterns) {
    define(names, new PreTokenizer(List.of(patterns), false, false));
  }

  private static void define(String names, PreTokenizer preTokenizer) {
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
      case WordPatterns.DIGIT_GROUPS -> new DigitGroups(CharSet.DIGIT, DigitGroups.Kind.NUMBERS);
      case WordPatterns.DIGIT_GROUPS_AHEAD ->
          new DigitGroups(CharSet.DIGIT, DigitGroups.Kind.BEFORE_GROUPS);
      case WordPatterns.NUMBER_GROUPS -> new DigitGroups(CharSet.NUMBER, DigitGroups.Kind.RUNS);
      default -> WordSplitter.around(new RegexSearch(pattern));
    };
  }
}
