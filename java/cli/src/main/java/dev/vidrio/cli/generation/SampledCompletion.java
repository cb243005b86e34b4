package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.AnswerPrinter;
import dev.vidrio.cli.chat.Tools;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.GenerationResult;
import dev.vidrio.model.Generator;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import dev.vidrio.tokenizer.TokenDecoder;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One sampled continuation of a prompt, streamed as text or collected for JSON. */
public final class SampledCompletion implements Continuation {
  private final Model model;
  private final Session session;
  private final GenerationOptions options;
  private final @Nullable ChatAnswer answer;
  private final boolean tools;
  private final long loadNanos;

  /**
   * @param answer parses the answer of a chat model; null to continue the text
   * @param tools true if the model was given tools
   */
  public SampledCompletion(
      Model model,
      Session session,
      GenerationOptions options,
      @Nullable ChatAnswer answer,
      boolean tools,
      long loadNanos) {
    this.model = model;
    this.session = session;
    this.options = options;
    this.answer = answer;
    this.tools = tools;
    this.loadNanos = loadNanos;
  }

  /** Prints the text as it is generated, until its end or until standard output is closed. */
  @Override
  public void print(int[] prompt) {
    TokenDecoder decoder = model.tokenizer().streamingDecoder(true);
    AnswerPrinter printer = answer == null ? null : new AnswerPrinter(answer);
    Generator generator = start(prompt);
    while (generator.hasNext() && !System.out.checkError()) {
      int token = generator.nextInt();
      String piece = decoder.accept(token);
      if (printer == null) {
        System.out.print(Escapes.shown(piece));
      } else {
        printer.accept(token, piece);
      }
    }
    if (printer == null) {
      System.out.println(decoder.finish());
    } else {
      printer.accept(-1, decoder.finish());
      Finish reason = Objects.requireNonNullElse(generator.finish(), Finish.CANCELED);
      Tools.print(printer.finish(reason).toolCalls());
    }
  }

  @Override
  public Map<String, Object> toJson(int[] prompt) {
    long start = System.nanoTime();
    Generator generator = start(prompt);
    long promptNanos = System.nanoTime() - start;
    List<Integer> ids = new ArrayList<>();
    List<Double> logProbabilities = new ArrayList<>();
    var text = new StringBuilder();
    TokenDecoder decoder = model.tokenizer().streamingDecoder(true);
    start = System.nanoTime();
    while (generator.hasNext()) {
      int token = generator.peek();
      float logit = generator.logits().getAtIndex(ValueLayout.JAVA_FLOAT, token);
      logProbabilities.add(generator.candidates().logProbability(logit));
      ids.add(generator.nextInt());
      text.append(decoder.accept(token));
    }
    long generationNanos = System.nanoTime() - start;
    text.append(decoder.finish());

    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("executor", model.executor().name());
    result.put("prompt_ids", prompt);
    result.put("ids", ids);
    result.putAll(
        text(new GenerationResult(text.toString(), ids, prompt.length, finish(generator))));
    result.put("logprobs", logProbabilities);
    result.put("finish", finish(generator).name().toLowerCase(Locale.ROOT));
    result.put("seed", options.sampling().seed());
    result.put("timings", timings(prompt.length, promptNanos, ids.size(), generationNanos));
    return result;
  }

  private Map<String, Object> text(GenerationResult result) {
    return answer == null
        ? Map.of("text", result.text())
        : Tools.toJson(answer.read(result), tools);
  }

  private static Finish finish(Generator generator) {
    return Objects.requireNonNull(generator.finish());
  }

  private Generator start(int[] prompt) {
    var generator = new Generator(model, session, options);
    Sequence sequence = session.newSequence();
    generator.prompt(sequence, prompt);
    return generator;
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
