package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.template.ReasoningMarkers;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Texts before a response that is constrained by a grammar. */
class ReasoningRulesTest {
  private static final Grammar ANSWER = Grammar.choice(List.of("yes", "no"));

  private static void matches(Grammar grammar, String... texts) {
    for (String text : texts) {
      assertTrue(grammar.matches(text), text);
    }
  }

  private static void refuses(Grammar grammar, String... texts) {
    for (String text : texts) {
      assertFalse(grammar.matches(text), text);
    }
  }

  @Test
  void allowsOneReasoningBlockFirst() {
    Grammar grammar = ANSWER.afterReasoning(ReasoningMarkers.of("<think>").orElseThrow(), false);
    matches(
        grammar,
        "yes",
        "<think></think>no",
        "<think>\nIs 1 < 2, </thin or </think\n</think>\n\nyes",
        "<think>yes {\"a\": 1}</think> no");
    refuses(
        grammar,
        "<think>yes",
        "<think>a</think>",
        "<think>a</think>maybe",
        "<think>a</think>\n\n\nyes",
        "<think>a</think><think>b</think>yes",
        "a</think>yes");
  }

  @Test
  void closesReasoningBegunInPrompt() {
    Grammar grammar = ANSWER.afterReasoning(ReasoningMarkers.of("</think>").orElseThrow(), true);
    matches(grammar, "</think>yes", "Hm.\n</think>\n\nno", "<think>\nHm.</think>no");
    refuses(grammar, "yes", "Hm. yes", "Hm.</think>a</think>yes");
  }

  @Test
  void allowsReasoningChannelsBeforeFinal() {
    Grammar grammar = ANSWER.afterReasoning(ReasoningMarkers.HARMONY, false);
    String reasoning = "<|channel|>analysis<|message|>Hm < <|.<|end|><|start|>assistant";
    String last = "<|channel|>final<|message|>";
    matches(grammar, last + "yes", reasoning + last + "no", reasoning + reasoning + last + "yes");
    refuses(
        grammar, "yes", reasoning + "yes", reasoning, last + "maybe", reasoning + last + "yes.");
  }
}
