package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.Tools;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatMessage;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The most likely continuations of a prompt, by beam search.
 *
 * @param chat the format of answers; null to continue the text
 * @param tools the tools that the model was given
 */
public record BeamCompletion(
    Model model,
    SessionOptions session,
    GenerationOptions options,
    BeamOptions beams,
    @Nullable ChatFormat chat,
    List<Map<String, @Nullable Object>> tools)
    implements Continuation {

  /** Prints the best continuation. */
  @Override
  public void print(int[] prompt) {
    GenerationResult best = search(prompt).getFirst().result();
    if (chat == null) {
      System.out.println(Escapes.shown(best.text()));
      return;
    }
    ChatAnswer answer = chat.newAnswer(prompt, tools);
    ChatMessage message = answer.read(best);
    System.out.println(Escapes.shown(Objects.requireNonNullElse(message.content(), "")));
    Tools.print(message.toolCalls());
  }

  /** Returns the best continuation, and the others by descending score. */
  @Override
  public JsonObject toJson(int[] prompt) {
    List<Completion> found = search(prompt);
    JsonObject json =
        new JsonObject()
            .with("model", model.name())
            .with("executor", model.executor().name())
            .with("prompt_ids", prompt);
    json.putAll(answer(prompt, found.getFirst()));
    return json.with("others", found.stream().skip(1).map(other -> answer(prompt, other)).toList())
        .with("seconds", found.getFirst().total().toNanos() / 1e9);
  }

  private JsonObject answer(int[] prompt, Completion completion) {
    GenerationResult result = completion.result();
    JsonObject json = new JsonObject().with("ids", result.tokens());
    if (chat == null) {
      json.put("text", result.text());
    } else {
      json.putAll(Tools.toJson(chat.newAnswer(prompt, tools).read(result), !tools.isEmpty()));
    }
    json.put(
        "logprobs", completion.tokens().stream().map(TokenLogProbability::logProbability).toList());
    if (completion.score() != null) {
      json.put("score", completion.score());
    }
    return json.with("finish", result.finish().name().toLowerCase(Locale.ROOT));
  }

  private List<Completion> search(int[] prompt) {
    GenerationRequest request =
        GenerationRequest.builder(prompt)
            .options(options)
            .logProbabilities(0)
            .adaptation(session.adaptation())
            .beams(beams)
            .build();
    try (Engine engine = Engine.open(model, Engines.options(session, beams.width()))) {
      return engine.submit(request, beams.width()).stream().map(TokenStream::result).toList();
    }
  }
}
