package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.model.ServedModel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request for text, in the words of its route. */
public interface TextRequest {
  /** Reads the body of one. */
  @FunctionalInterface
  interface Reader {
    /**
     * Reads strictly; what is costly is left for later.
     *
     * @param tenant who asks
     */
    TextRequest read(Fields fields, RequestLimits limits, String tenant);
  }

  /** The name of the model. */
  String model();

  /** How text is generated. */
  Parameters parameters();

  /** Whether the answer is sent as it comes. */
  boolean stream();

  /** The field that prompts are made of. */
  String promptField();

  /** The field of one of the prompts. */
  default String promptField(int index) {
    return promptField();
  }

  /** How many prompts it has. */
  default int promptCount() {
    return 1;
  }

  /** The field that says how many answers are generated. */
  default String answersField() {
    return "n";
  }

  /** How many answers are generated to each of them. */
  default int answersPerPrompt() {
    return parameters().choices();
  }

  /** The engine's requests, one for each prompt, but for what {@link TextRoutes} adds to all. */
  List<GenerationRequest> generations(ServedModel model);

  /**
   * The grammar of an answer to a prompt.
   *
   * @param form of what is not thought; null for any
   */
  default @Nullable Grammar grammar(ServedModel model, int[] prompt, @Nullable Grammar form) {
    return form;
  }

  /** Begins to answer. */
  TextAnswer answer(ServedModel model, List<GenerationRequest> generations);
}
