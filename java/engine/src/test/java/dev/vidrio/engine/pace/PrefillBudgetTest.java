package dev.vidrio.engine.pace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/**
 * Simulates a machine with steps of 2 ms, plus 1 ms per generated token and 0.5 ms per prompt
 * token.
 */
class PrefillBudgetTest {
  private static final int ROOM = 512;

  private final PrefillBudget pace = new PrefillBudget();

  private static double nanos(int decoding, int prompt) {
    return 2e6 + 1e6 * decoding + 0.5e6 * prompt;
  }

  /** Runs a step with the maximum number of prompt tokens and returns it. */
  private int step(int decoding, int waiting) {
    int prompt = waiting == 0 ? 0 : pace.promptTokens(decoding, waiting, ROOM - decoding);
    pace.observe(decoding, prompt, nanos(decoding, prompt));
    return prompt;
  }

  private int greatest(int decoding, int waiting) {
    int greatest = 0;
    for (int i = 0; i < 64; i++) {
      greatest = Math.max(greatest, step(decoding, waiting));
    }
    return greatest;
  }

  @Test
  void promptsAloneFillTheStep() {
    assertEquals(ROOM, step(0, 3));
  }

  @Test
  void slowdownPredictsPromptTime() {
    step(0, 1);
    for (int waiting : new int[] {1, 4, 16, 48}) {
      double nanos = 0;
      int prompt = 0;
      for (int i = 0; i < 512; i++) {
        int tokens = step(16, waiting);
        nanos += nanos(16, tokens);
        prompt += tokens;
      }
      double slowdown = nanos / prompt / pace.promptNanos();
      assertEquals(PrefillBudget.slowdown(16, waiting), slowdown, 0.1 * slowdown);
    }
  }

  @Test
  void onePromptLengthensStepsByLessThanDouble() {
    step(0, 1);
    for (int decoding : new int[] {4, 8, 16, 31}) {
      int prompt = greatest(decoding, 1);
      assertTrue(prompt > 0);
      assertTrue(nanos(decoding, prompt) <= 2 * nanos(decoding, 0), decoding + ": " + prompt);
    }
  }

  @Test
  void waitingPromptsGetLargerShares() {
    step(0, 1);
    int one = greatest(8, 1);
    int five = greatest(8, 5);
    int many = greatest(8, 24);
    assertTrue(five > 2 * one, one + ", " + five);
    assertTrue(many > five, five + ", " + many);
    assertTrue(nanos(8, many) <= 5 * nanos(8, 0));
  }

  @Test
  void measuresDecodingUnderFullLoad() {
    step(0, 1);
    step(1, 0);
    int before = greatest(1, 1);
    int after = greatest(31, 1);
    assertTrue(after > 3 * before, before + ", " + after);
  }

  /** Users with prompts and answers of 128 tokens: most generate, few wait. */
  @Test
  void fullEngineDecodesForMostUsers() {
    int users = 32;
    int tokens = 128;
    int decoding = 1;
    int prompts = (users - 1) * tokens;
    int generated = 0;
    step(0, 1);
    step(1, 0);
    for (int i = 0; i < 4000; i++) {
      int prompt = step(decoding, users - decoding);
      prompts -= Math.min(prompt, prompts);
      generated += decoding;
      int waiting = (prompts + tokens - 1) / tokens;
      int done = Math.min(users - waiting, generated / tokens);
      generated -= done * tokens;
      prompts += done * tokens;
      decoding = users - (prompts + tokens - 1) / tokens;
    }
    assertTrue(decoding >= 0.9 * users, "generating: " + decoding);
  }
}
