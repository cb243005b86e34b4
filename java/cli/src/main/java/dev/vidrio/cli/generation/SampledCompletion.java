package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.AnswerPrinter;
import dev.vidrio.cli.chat.Tools;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TextStream;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One continuation of a prompt, printed while it is generated or collected as JSON. */
public final class SampledCompletion implements Continuation {
  private final Model model;
  private final TextStream stream;
  private final long seed;
  private final @Nullable ChatAnswer answer;
  private final boolean tools;
  private final long loadNanos;

  /**
   * Creates the output of a stream.
   *
   * @param stream the continuation, closed by the caller
   * @param seed the seed of sampling
   * @param answer reads the answer of a chat model; null if the text is continued
   * @param tools if true, the model was given tools
   * @param loadNanos the time to load the model
   */
  public SampledCompletion(
      Model model,
      TextStream stream,
      long seed,
      @Nullable ChatAnswer answer,
      boolean tools,
      long loadNanos) {
    this.model = model;
    this.stream = stream;
    this.seed = seed;
    this.answer = answer;
    this.tools = tools;
    this.loadNanos = loadNanos;
  }

  /** Prints the text while it is generated, and ends if standard output is closed. */
  @Override
  public void print(int[] prompt) {
    AnswerPrinter printer = answer == null ? null : new AnswerPrinter(answer);
    for (Iterator<GeneratedToken> tokens = stream.tokens(); tokens.hasNext(); ) {
      GeneratedToken token = tokens.next();
      if (printer == null) {
        System.out.print(Escapes.shown(token.text()));
      } else {
        printer.accept(token);
      }
      if (System.out.checkError()) {
        stream.cancel();
      }
    }
    if (printer == null) {
      System.out.println();
    } else {
      Tools.print(printer.finish(stream.result().finish()).toolCalls());
    }
  }

  @Override
  public Map<String, Object> toJson(int[] prompt) {
    long start = System.nanoTime();
    Iterator<GeneratedToken> tokens = stream.tokens();
    var _ = tokens.hasNext(); // runs the prompt
    long promptNanos = System.nanoTime() - start;
    List<Double> logProbabilities = new ArrayList<>();
    start = System.nanoTime();
    tokens.forEachRemaining(
        token -> {
          if (token.logProbability() != null) {
            logProbabilities.add(token.logProbability().logProbability());
          }
        });
    long generationNanos = System.nanoTime() - start;
    GenerationResult result = stream.result();
    List<Integer> ids = result.tokens();

    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", model.name());
    json.put("executor", model.executor().name());
    json.put("prompt_ids", prompt);
    json.put("ids", ids);
    json.putAll(text(result));
    json.put("logprobs", logProbabilities);
    json.put("finish", result.finish().name().toLowerCase(Locale.ROOT));
    json.put("seed", seed);
    json.put("timings", timings(prompt.length, promptNanos, ids.size(), generationNanos));
    return json;
  }

  private Map<String, Object> text(GenerationResult result) {
    return answer == null
        ? Map.of("text", result.text())
        : Tools.toJson(answer.read(result), tools);
  }

  private Map<String, Object> timings(
      int promptTokens, long promptNanos, int tokens, long generationNanos) {
    Map<String, Object> timings = new LinkedHashMap<>();
    timings.put("load_seconds", loadNanos / 1e9);
    timings.put("prompt_tokens", promptTokens);
    timings.put("prompt_seconds", promptNanos / 1e9);
    timings.put("prompt_tokens_per_second", promptTokens / (promptNanos / 1e9));
    timings.put("generated_tokens", tokens);
    timings.put("generation_seconds", generationNanos / 1e9);
    timings.put("generated_tokens_per_second", tokens / (generationNanos / 1e9));
    return timings;
  }
}
