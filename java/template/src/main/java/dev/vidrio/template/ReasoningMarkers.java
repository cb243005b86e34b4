package dev.vidrio.template;

import java.util.List;
import java.util.Optional;

/**
 * The markers around a model's reasoning: {@code <think>…</think>} (Qwen 3, DeepSeek R1, SmolLM3
 * and most others), {@code [THINK]…[/THINK]} (Mistral), {@code <seed:think>…</seed:think>} (Seed),
 * {@code <|channel>thought…<channel|>} (Gemma 4), {@code <mm:think>…</mm:think>} (MiniMax M3),
 * {@code <|START_THINKING|>…<|END_THINKING|>} (Command), the first and the last line of reasoning
 * of Apriel, the elements of Kimi K3, and the channels of gpt-oss ({@link HarmonyParser}).
 *
 * @param open begins reasoning; some templates end the prompt with it
 * @param close ends reasoning
 * @param answer begins the response after the reasoning; empty if there is no such marker
 * @param ends all markers that end reasoning in a model's output, including {@code close}
 * @param dropped markers that a model writes around or within its response and that are not part of
 *     it, such as those of empty reasoning; longer ones first
 * @param repeated whether reasoning may occur several times before the response
 * @see "docs/server.md"
 */
public record ReasoningMarkers(
    String open,
    String close,
    String answer,
    List<String> ends,
    List<String> dropped,
    boolean repeated) {

  /** The channels of gpt-oss. */
  public static final ReasoningMarkers HARMONY =
      new ReasoningMarkers(
          "<|channel|>analysis<|message|>",
          "<|end|><|start|>assistant",
          "<|channel|>final<|message|>",
          HarmonyParser.ENDS,
          List.of(),
          true);

  /** The elements of Kimi K3. Its template composes their marks. */
  private static final ReasoningMarkers KIMI_K3 =
      new ReasoningMarkers(
          "<|open|>think<|sep|>",
          "<|close|>think<|sep|>",
          "<|open|>response<|sep|>",
          List.of("<|close|>think<|sep|>", "<|open|>response<|sep|>"),
          List.of("<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"),
          false);

  private static final ReasoningMarkers GEMMA_4 =
      new ReasoningMarkers(
          "<|channel>thought",
          "<channel|>",
          "",
          List.of("<channel|>"),
          List.of("<|channel>thought\n<channel|>", "<|channel>", "<channel|>"),
          false);

  /**
   * Known markers.
   *
   * @param signs alternative texts: a chat template with these markers contains one of them
   */
  private record Known(ReasoningMarkers markers, List<String> signs) {
    /** Returns markers that a template contains as they are. */
    static Known literal(ReasoningMarkers markers) {
      return new Known(markers, List.of(markers.open, markers.close));
    }

    boolean isIn(String template) {
      return signs.stream().anyMatch(template::contains);
    }
  }

  private static final List<Known> KNOWN =
      List.of(
          new Known(KIMI_K3, List.of("open_tag('think')")),
          Known.literal(HARMONY),
          Known.literal(GEMMA_4),
          between("<seed:think>", "</seed:think>"),
          between("[THINK]", "[/THINK]"),
          between("<mm:think>", "</mm:think>"),
          between("<|START_THINKING|>", "<|END_THINKING|>"),
          between("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
          between("<think>", "</think>"));

  /** Copies the lists. */
  public ReasoningMarkers {
    ends = List.copyOf(ends);
    dropped = List.copyOf(dropped);
  }

  private static Known between(String open, String close) {
    return Known.literal(new ReasoningMarkers(open, close, "", List.of(close), List.of(), false));
  }

  /** Returns the markers of a model, detected by their occurrence in its chat template. */
  public static Optional<ReasoningMarkers> of(String template) {
    return KNOWN.stream().filter(known -> known.isIn(template)).map(Known::markers).findFirst();
  }

  /** Returns whether reasoning is open at the end of a prompt. */
  public boolean isOpenAfter(String prompt) {
    return prompt.stripTrailing().endsWith(open);
  }

  /**
   * Returns whether a prompt ends with closed reasoning or the beginning of the response, so that
   * the response contains no reasoning.
   */
  public boolean isClosedAfter(String prompt) {
    String text = prompt.stripTrailing();
    return text.endsWith(close) || (!answer.isEmpty() && text.endsWith(answer));
  }
}
