package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.server.http.JsonObject;
import java.util.List;
import java.util.Map;

/**
 * The token usage of a request.
 *
 * @param prompt tokens of all prompts, each counted once however many answers it has
 * @param cached prompt tokens that were in the cache
 * @param completion tokens of all answers
 * @param reasoning reasoning tokens of all answers
 */
public record Usage(int prompt, int cached, int completion, int reasoning) {

  /** Returns the usage of answers, {@code choices} per prompt. */
  public static Usage of(List<Completion> completions, int choices, int reasoning) {
    int prompt = 0;
    int cached = 0;
    int completion = 0;
    for (int i = 0; i < completions.size(); i++) {
      if (i % choices == 0) {
        prompt += completions.get(i).result().promptTokens();
        cached += completions.get(i).cachedTokens();
      }
      completion += completions.get(i).result().tokens().size();
    }
    return new Usage(prompt, cached, completion, reasoning);
  }

  /** Returns the JSON of chats and completions. */
  public JsonObject toJson() {
    return new JsonObject()
        .with("prompt_tokens", prompt)
        .with("completion_tokens", completion)
        .with("total_tokens", prompt + completion)
        .with("prompt_tokens_details", Map.of("cached_tokens", cached))
        .with("completion_tokens_details", Map.of("reasoning_tokens", reasoning));
  }
}
