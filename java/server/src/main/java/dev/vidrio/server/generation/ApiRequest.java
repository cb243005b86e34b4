package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.model.ServedModel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request to generate text, in the format of its route. */
public interface ApiRequest {
  /** Reads a request. */
  @FunctionalInterface
  interface Reader {
    /**
     * Reads a request's body strictly. Expensive work, such as tokenization and the compilation of
     * grammars, is left for later.
     *
     * @param tenant the tenant of the request
     */
    ApiRequest read(JsonFields fields, RequestLimits limits, String tenant);
  }

  /** Returns the name of the model. */
  String model();

  /** Returns the generation parameters. */
  GenerationParameters parameters();

  /** Returns the format of an answer; null for any. */
  @Nullable AnswerFormat format(ServedModel served);

  /** Returns whether the response is streamed. */
  boolean stream();

  /** Returns the field of the prompts, for errors. */
  String promptField();

  /** Returns the field of a prompt, for errors. */
  default String promptField(int index) {
    return promptField();
  }

  /** Returns the number of prompts. */
  default int promptCount() {
    return 1;
  }

  /** Returns the field that sets the number of answers, for errors. */
  default String answersField() {
    return "n";
  }

  /** Returns the number of generated answers per prompt. */
  default int answersPerPrompt() {
    return parameters().choices();
  }

  /** Returns the tokens of the prompts. */
  List<int[]> encode(ServedModel model);

  /**
   * Returns the grammar of the answer to a prompt.
   *
   * @param format the grammar of the answer without its reasoning; null for any answer
   */
  default @Nullable Grammar grammar(ServedModel model, int[] prompt, @Nullable Grammar format) {
    return format;
  }

  /** Sets the options of the engine's request that only this route has. */
  GenerationRequest.Builder configure(GenerationRequest.Builder request);

  /** Creates the response to the prompts. */
  ApiResponse respond(ServedModel model, List<int[]> prompts);
}
