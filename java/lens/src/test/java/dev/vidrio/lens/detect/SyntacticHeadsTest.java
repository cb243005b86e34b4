package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.detect.DependencySentence.Word;
import dev.vidrio.lens.detect.SyntacticHeads.Accuracy;
import dev.vidrio.lens.detect.SyntacticHeads.Direction;
import dev.vidrio.lens.detect.SyntacticHeads.Relation;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SyntacticHeadsTest extends BardTest {
  private static final String CONLLU =
      """
      # text = The king don't see the queen.
      1\tThe\t_\t_\t_\t_\t2\tdet\t_\t_
      2\tking\t_\t_\t_\t_\t5\tnsubj\t_\t_
      3-4\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
      3\tdo\t_\t_\t_\t_\t5\taux\t_\t_
      4\tn't\t_\t_\t_\t_\t5\tadvmod\t_\t_
      5\tsee\t_\t_\t_\t_\t0\troot\t_\t_
      5.1\tsee\t_\t_\t_\t_\t_\t_\t_\t_
      6\tthe\t_\t_\t_\t_\t7\tdet\t_\t_
      7\tqueen\t_\t_\t_\t_\t5\tobj\t_\tSpaceAfter=No
      8\t.\t_\t_\t_\t_\t5\tpunct\t_\t_

      1\tHis\t_\t_\t_\t_\t2\tdet\t_\t_
      2\tmother\t_\t_\t_\t_\t3\tnsubj\t_\t_
      3\tsleeps\t_\t_\t_\t_\t0\troot\t_\t_
      """;

  @Test
  void readsSentencesAndCharacters() {
    List<DependencySentence> sentences = DependencySentence.read(CONLLU);
    assertEquals(2, sentences.size());
    DependencySentence first = sentences.getFirst();
    assertEquals("The king don't see the queen.", first.text());
    assertEquals(8, first.words().size());
    assertEquals(new Word(4, 8, 4, "nsubj"), first.words().get(1));
    assertEquals(new Word(9, 14, 4, "advmod"), first.words().get(3));
    assertEquals(-1, first.words().get(4).head());
    assertEquals(new Word(28, 29, 4, "punct"), first.words().get(7));
    assertEquals("His mother sleeps", sentences.getLast().text());
  }

  @Test
  void rejectsInvalidLines() {
    for (String line :
        List.of(
            "1\tThe\t2\tdet",
            "x\tThe\t_\t_\t_\t_\t0\troot\t_\t_",
            "2\tThe\t_\t_\t_\t_\t0\troot\t_\t_",
            "1\tThe\t_\t_\t_\t_\t7\tdet\t_\t_",
            "1\tThe\t_\t_\t_\t_\t_\tdet\t_\t_")) {
      var refused =
          assertThrows(
              InvalidInputException.class, () -> DependencySentence.read("# text\n" + line));
      assertTrue(refused.getMessage().contains("line 2"), refused.getMessage());
    }
    assertThrows(
        InvalidInputException.class,
        () -> new DependencySentence("ab", List.of(new Word(0, 3, -1, "root"))));
    assertThrows(InvalidInputException.class, () -> SyntacticHeads.of(lens, List.of()));
  }

  /** Words as tokens by hand: each word of these sentences is found in the text of its tokens. */
  @Test
  void accuraciesEqualNaiveCounts() {
    List<DependencySentence> sentences = DependencySentence.read(CONLLU);
    SyntacticHeads found = SyntacticHeads.of(lens, sentences);
    assertEquals(2, found.sentences());
    Relation subject = relation(found, "nsubj", Direction.TO_DEPENDENT);
    assertEquals(2, subject.pairs());
    assertEquals(1, subject.offset());
    assertEquals(0.5, subject.baseline());
    Relation object = relation(found, "obj", Direction.TO_HEAD);
    assertEquals(1, object.pairs());
    assertEquals(32, object.heads().size());
    String text = sentences.getFirst().text() + " " + sentences.getLast().text();
    int[] tokens = model.tokenizer().encode(text);
    // Queries: "see" and "sleeps"; candidates: the words before each.
    List<String> words = List.of("The", "king", "don't", "don't");
    try (ActivationCache cache = lens.run(tokens, Capture.of("*.hook_pattern"))) {
      for (Accuracy accuracy : subject.heads()) {
        Activation pattern = cache.get(HookSite.PATTERN, accuracy.layer());
        double hits =
            hit(pattern, accuracy.head(), tokens, text, words, "see", "king")
                + hit(
                    pattern,
                    accuracy.head(),
                    tokens,
                    text,
                    List.of("His", "mother"),
                    "sleeps",
                    "mother");
        assertEquals(hits / 2, accuracy.accuracy(), accuracy.name());
      }
    }
    Accuracy best = subject.best();
    assertTrue(subject.heads().stream().allMatch(h -> h.accuracy() <= best.accuracy()));
  }

  private static Relation relation(SyntacticHeads found, String label, Direction direction) {
    return found.relations().stream()
        .filter(r -> r.label().equals(label) && r.direction() == direction)
        .findFirst()
        .orElseThrow();
  }

  private static double hit(
      Activation pattern,
      int head,
      int[] tokens,
      String text,
      List<String> candidates,
      String query,
      String target) {
    List<Integer> from = positions(tokens, text, query);
    String best = "";
    double most = -1;
    for (String word : candidates) {
      double sum = 0;
      for (int i : from) {
        for (int j : positions(tokens, text, word)) {
          sum += pattern.at(head, i, j);
        }
      }
      if (sum > most) {
        most = sum;
        best = word;
      }
    }
    return best.equals(target) ? 1 : 0;
  }

  /** The positions of the tokens that begin within a word, which the text has once. */
  private static List<Integer> positions(int[] tokens, String text, String word) {
    int begin = text.indexOf(word);
    List<Integer> found = new ArrayList<>();
    int at = 0;
    for (int i = 0; i < tokens.length; i++) {
      if (model.tokenizer().isSpecial(tokens[i])) {
        continue;
      }
      String piece = model.tokenizer().piece(tokens[i]);
      int first = at + (piece.startsWith(" ") ? 1 : 0);
      if (i > 0 && first >= begin && first < begin + word.length()) {
        found.add(i);
      }
      at += piece.length();
    }
    return found;
  }
}
