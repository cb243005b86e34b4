package dev.vidrio.model.tokenizer;

import dev.vidrio.model.UnsupportedModelException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a family of models cuts text into words.
 *
 * @param splitter finds the words
 * @param ignoreMerges whether a word that is a token as a whole is that token, without merging
 * @param addBos whether a text begins with the BOS token unless the model file says otherwise
 */
record PreTokenizer(WordSplitter splitter, boolean ignoreMerges, boolean addBos) {

  /** The names to show a user; the others are names of single models. */
  static final String SUPPORTED =
      "gpt-2, llama-bpe, qwen2, smollm and models that share their words";

  private static final Map<String, PreTokenizer> BY_NAME = new HashMap<>();

  static {
    WordSplitter gpt2 = new Gpt2Splitter(false);
    WordSplitter smollm = new Gpt2Splitter(true);
    WordSplitter llama3 = new Llama3Splitter(3);
    WordSplitter qwen2 = new Llama3Splitter(1);
    // names and groups are those of llama.cpp, less the encoders, whose mask token eats spaces
    define(
        new PreTokenizer(gpt2, false, false),
        List.of(
            "gpt-2",
            "phi-2",
            "jina-es",
            "jina-de",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "granite-docling",
            "exaone4"));
    define(
        new PreTokenizer(smollm, false, false),
        List.of(
            "smollm",
            "starcoder",
            "refact",
            "command-r",
            "codeshell",
            "exaone",
            "minerva-7b",
            "mellum2"));
    define(
        new PreTokenizer(llama3, true, true),
        List.of(
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano"));
    define(new PreTokenizer(llama3, true, false), List.of("glm4", "glm5"));
    define(new PreTokenizer(llama3, false, false), List.of("dbrx", "smaug-bpe", "chatglm-bpe"));
    define(
        new PreTokenizer(qwen2, false, false),
        List.of(
            "qwen2",
            "deepseek-r1-qwen",
            "kormo",
            "f2llmv2",
            "megrez",
            "stablelm2",
            "hunyuan",
            "solar-open",
            "grok-2"));
  }

  private static void define(PreTokenizer preTokenizer, List<String> names) {
    names.forEach(name -> BY_NAME.put(name, preTokenizer));
  }

  /**
   * Finds a pre-tokenizer, or says which there are.
   *
   * @param source the file that names it, for errors
   */
  static PreTokenizer require(String source, String name) {
    return find(name)
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    source, "pre-tokenizer '" + name + "'", "supported are " + SUPPORTED));
  }

  /** Finds a pre-tokenizer by its name in GGUF's {@code tokenizer.ggml.pre}. */
  static Optional<PreTokenizer> find(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }
}
