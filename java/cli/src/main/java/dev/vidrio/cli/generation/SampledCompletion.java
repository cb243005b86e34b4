package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.Answer;
import dev.vidrio.cli.chat.AnswerPrinter;
import dev.vidrio.cli.chat.Tools;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationResult;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One continuation of a prompt, printed while it is generated or collected as JSON.
 *
 * @param answer the continuation, closed by the caller
 * @param seed the seed of sampling
 * @param reader reads the answer of a chat model; null if the text is continued
 * @param tools if true, the model was given tools
 * @param loadNanos the time to load the model
 */
public record SampledCompletion(
    Model model,
    Answer answer,
    long seed,
    @Nullable ChatAnswer reader,
    boolean tools,
    long loadNanos)
    implements Continuation {

  /** Prints the text while it is generated, and ends if standard output is closed. */
  @Override
  public void print(int[] prompt) {
    AnswerPrinter printer = reader == null ? null : new AnswerPrinter(reader);
    for (Iterator<GeneratedToken> tokens = answer.tokens(); tokens.hasNext(); ) {
      GeneratedToken token = tokens.next();
      if (printer == null) {
        System.out.print(Escapes.shown(token.text()));
      } else {
        printer.accept(token);
      }
      if (System.out.checkError()) {
        answer.cancel();
      }
    }
    if (printer == null) {
      System.out.println();
    } else {
      Tools.print(printer.finish(answer.result().finish()).toolCalls());
    }
  }

  @Override
  public JsonObject toJson(int[] prompt) {
    long start = System.nanoTime();
    Iterator<GeneratedToken> tokens = answer.tokens();
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
    GenerationResult result = answer.result();
    List<Integer> ids = result.tokens();

    JsonObject json =
        new JsonObject()
            .with("model", model.name())
            .with("executor", model.executor().name())
            .with("prompt_ids", prompt)
            .with("ids", ids);
    json.putAll(
        reader == null ? Map.of("text", result.text()) : Tools.toJson(reader.read(result), tools));
    json.with("logprobs", logProbabilities)
        .with("finish", result.finish().name().toLowerCase(Locale.ROOT))
        .with("seed", seed);
    Answer.Drafts drafts = answer.drafts();
    if (drafts != null) {
      json.with("draft_tokens", drafts.proposed()).with("accepted_draft_tokens", drafts.accepted());
    }
    return json.with("timings", timings(prompt.length, promptNanos, ids.size(), generationNanos));
  }

  private JsonObject timings(int promptTokens, long promptNanos, int tokens, long generationNanos) {
    return new JsonObject()
        .with("load_seconds", loadNanos / 1e9)
        .with("prompt_tokens", promptTokens)
        .with("prompt_seconds", promptNanos / 1e9)
        .with("prompt_tokens_per_second", promptTokens / (promptNanos / 1e9))
        .with("generated_tokens", tokens)
        .with("generation_seconds", generationNanos / 1e9)
        .with("generated_tokens_per_second", tokens / (generationNanos / 1e9));
  }
}
