package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RetrievalHeadsTest extends BardTest {
  private static int[] joined(int[] a, int[] b) {
    return IntStream.concat(Arrays.stream(a), Arrays.stream(b)).toArray();
  }

  /** The needle is the model's own continuation, so that there is something to copy. */
  @Test
  void scoresMatchDefinition() {
    int[] text = model.tokenizer().encode("The day is gone and all men say so.");
    int[] question = model.tokenizer().encode("\nKING");
    int[] prompt = joined(text, question);
    List<Integer> said = new ArrayList<>();
    try (Session session = model.newSession(SessionOptions.EXACT.withContext(100))) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, prompt);
      for (int i = 0; i < 12; i++) {
        said.add(session.candidates().id(0));
        session.feed(sequence, said.getLast());
      }
    }
    int[] needle = said.stream().limit(6).mapToInt(Integer::intValue).toArray();
    RetrievalHeads actual = RetrievalHeads.of(lens, text, needle, question, 1);
    int at = text.length / 2;
    int[] asked =
        joined(
            joined(Arrays.copyOf(text, at), needle),
            joined(Arrays.copyOfRange(text, at, text.length), question));
    int[] answered = greedy(asked, needle.length + 8);
    double best = 0;
    try (ActivationCache cache = lens.run(joined(asked, answered), Capture.of("*.hook_pattern"))) {
      for (RetrievalHeads.Score head : actual.heads()) {
        Set<Integer> copied = new HashSet<>();
        Activation pattern = cache.get(HookSite.PATTERN, head.layer());
        for (int i = 0; i < answered.length; i++) {
          int query = asked.length - 1 + i;
          int most = 0;
          for (int j = 1; j <= query; j++) {
            most =
                pattern.at(head.head(), query, j) > pattern.at(head.head(), query, most) ? j : most;
          }
          if (most >= at && most < at + needle.length && needle[most - at] == answered[i]) {
            copied.add(answered[i]);
          }
        }
        double expected = copied.size() / (double) Arrays.stream(needle).distinct().count();
        assertEquals(expected, head.score(), head.name());
        best = Math.max(best, expected);
      }
    }
    assertEquals(best, actual.ranked().getFirst().score());
    assertEquals(1, actual.trials());
  }

  private static int[] greedy(int[] prompt, int count) {
    List<Integer> said = new ArrayList<>();
    try (Session session = model.newSession(SessionOptions.EXACT.withContext(200))) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, prompt);
      while (said.size() < count && !model.tokenizer().isSpecial(session.candidates().id(0))) {
        said.add(session.candidates().id(0));
        session.feed(sequence, said.getLast());
      }
    }
    return said.stream().mapToInt(Integer::intValue).toArray();
  }

  @Test
  void rejectsInvalidEdits() {
    int limit = model.architecture().contextLength();
    int[] text = new int[limit];
    int[] some = {1, 2, 3};
    var longText =
        assertThrows(
            InvalidInputException.class, () -> RetrievalHeads.of(lens, text, some, some, 2));
    assertTrue(longText.getMessage().contains("at most " + limit));
    assertThrows(
        InvalidInputException.class, () -> RetrievalHeads.of(lens, some, new int[0], some, 2));
    assertThrows(InvalidInputException.class, () -> RetrievalHeads.of(lens, some, some, some, 0));
  }
}
