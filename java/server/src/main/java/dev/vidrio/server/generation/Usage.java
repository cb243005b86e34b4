package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a request cost.
 *
 * @param prompt tokens of prompts, each counted once however many answers it has
 * @param cached those of them that were in the cache
 * @param completion tokens of answers
 * @param reasoning those of them that are reasoning
 */
public record Usage(int prompt, int cached, int completion, int reasoning) {

  /** The usage of answers without reasoning, {@code choices} to each prompt. */
  public static Usage of(List<Completion> completions, int choices) {
    return of(completions, choices, 0);
  }

  /** The usage of answers, {@code choices} to each prompt. */
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

  public Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("prompt_tokens", prompt);
    json.put("completion_tokens", completion);
    json.put("total_tokens", prompt + completion);
    json.put("prompt_tokens_details", Map.of("cached_tokens", cached));
    json.put("completion_tokens_details", Map.of("reasoning_tokens", reasoning));
    return json;
  }
}
