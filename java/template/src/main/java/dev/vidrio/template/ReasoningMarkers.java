package dev.vidrio.template;

import java.util.List;
import java.util.Optional;

/**
 * The markers around a model's reasoning: {@code <think>…</think>} (Qwen 3, DeepSeek R1, SmolLM3
 * and most others), {@code [THINK]…[/THINK]} (Mistral), {@code <seed:think>…</seed:think>} (Seed),
 * {@code <|channel>thought…<channel|>} (Gemma 4), {@code <mm:think>…</mm:think>} (MiniMax M3),
 * {@code <|START_THINKING|>…<|END_THINKING|>} (Command), the first and the last line of reasoning
 * of Apriel, and the channels of gpt-oss ({@link HarmonyParser}).
 *
 * @param open begins reasoning; some templates end the prompt with it
 * @param close ends reasoning
 * @param answer begins the response after the reasoning; empty if there is no such marker
 * @param ends all markers that end reasoning in a model's output, including {@code close}
 * @param repeated whether reasoning may occur several times before the response
 * @see "docs/server.md"
 */
public record ReasoningMarkers(
    String open, String close, String answer, List<String> ends, boolean repeated) {

  /** The channels of gpt-oss. */
  public static final ReasoningMarkers HARMONY =
      new ReasoningMarkers(
          "<|channel|>analysis<|message|>",
          "<|end|><|start|>assistant",
          "<|channel|>final<|message|>",
          HarmonyParser.ENDS,
          true);

  private static final List<ReasoningMarkers> KNOWN =
      List.of(
          HARMONY,
          between("<|channel>thought", "<channel|>"),
          between("<seed:think>", "</seed:think>"),
          between("[THINK]", "[/THINK]"),
          between("<mm:think>", "</mm:think>"),
          between("<|START_THINKING|>", "<|END_THINKING|>"),
          between("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
          between("<think>", "</think>"));

  /** Copies the list. */
  public ReasoningMarkers {
    ends = List.copyOf(ends);
  }

  private static ReasoningMarkers between(String open, String close) {
    return new ReasoningMarkers(open, close, "", List.of(close), false);
  }

  /** Returns the markers of a model, detected by their occurrence in its chat template. */
  public static Optional<ReasoningMarkers> of(String template) {
    return KNOWN.stream()
        .filter(marks -> template.contains(marks.open) || template.contains(marks.close))
        .findFirst();
  }

  /** Returns whether reasoning is open at the end of a prompt. */
  public boolean isOpenAfter(String prompt) {
    return prompt.stripTrailing().endsWith(open);
  }

  /** Returns whether a prompt ends with closed reasoning, so that the response contains none. */
  public boolean isClosedAfter(String prompt) {
    return prompt.stripTrailing().endsWith(close);
  }
}
