package dev.vidrio.template;

import java.util.List;
import java.util.Optional;

/**
 * The markers of a model's reasoning: {@code <think>…</think>} (Qwen 3, DeepSeek R1, SmolLM3 and
 * most others), {@code [THINK]…[/THINK]} (Mistral), {@code <seed:think>…</seed:think>} (Seed),
 * {@code <|channel>thought…<channel|>} (Gemma 4), channels (gpt-oss; see {@link HarmonyParser}).
 *
 * @param open what begins reasoning; some templates end the prompt with it
 * @param close what ends it
 * @param answer what then begins the answer; empty if nothing does
 * @param ends everything that ends reasoning when read, including {@code close}
 * @param repeated whether reasoning may occur several times before an answer
 */
public record ThoughtMarks(
    String open, String close, String answer, List<String> ends, boolean repeated) {

  /** The channels of gpt-oss. */
  public static final ThoughtMarks HARMONY =
      new ThoughtMarks(
          "<|channel|>analysis<|message|>",
          "<|end|><|start|>assistant",
          "<|channel|>final<|message|>",
          HarmonyParser.ENDS,
          true);

  private static final List<ThoughtMarks> KNOWN =
      List.of(
          HARMONY,
          between("<|channel>thought", "<channel|>"),
          between("<seed:think>", "</seed:think>"),
          between("[THINK]", "[/THINK]"),
          between("<think>", "</think>"));

  /** Copies the list. */
  public ThoughtMarks {
    ends = List.copyOf(ends);
  }

  private static ThoughtMarks between(String open, String close) {
    return new ThoughtMarks(open, close, "", List.of(close), false);
  }

  /** Those of a model, which its chat template has in earlier answers or for the next one. */
  public static Optional<ThoughtMarks> of(String template) {
    return KNOWN.stream()
        .filter(marks -> template.contains(marks.open) || template.contains(marks.close))
        .findFirst();
  }

  /** Whether a prompt that ends so has begun a thought. */
  public boolean begunBy(String prompt) {
    return prompt.stripTrailing().endsWith(open);
  }

  /** Whether a prompt that ends so has begun and ended a thought, so that none comes. */
  public boolean endedBy(String prompt) {
    return prompt.stripTrailing().endsWith(close);
  }
}
