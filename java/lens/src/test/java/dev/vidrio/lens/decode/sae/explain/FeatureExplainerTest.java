package dev.vidrio.lens.decode.sae.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.IndexHeader.Window;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FeatureExplainerTest {
  private static final ExplainOptions OPTIONS = ExplainOptions.DEFAULT;

  private static FeatureExplainer explainer(ChatModel model) {
    return new FeatureExplainer(LetterFeatures.HEADER, model, OPTIONS);
  }

  @Test
  void rightExplanationsScoreAboveOthers() throws IOException {
    FeatureExplainer explainer = explainer(LetterFeatures::answer);
    FeatureRecord feature = LetterFeatures.feature(2);
    assertEquals(Optional.of("the letter C"), explainer.explain(feature));
    ClassificationScore all = new ClassificationScore(20, 20, 0, 0, 0);
    assertEquals(all, explainer.detection(feature, "the letter C"));
    assertEquals(all, explainer.fuzzing(feature, "the letter C"));
    ClassificationScore none = new ClassificationScore(0, 20, 0, 20, 0);
    assertEquals(none, explainer.detection(feature, "the letter D"));
    assertEquals(none, explainer.fuzzing(feature, "the letter D"));
    assertEquals(0.5, none.accuracy());
    assertEquals(1 + 4 * OPTIONS.requestsPerScore(), explainer.requests());
  }

  /** A reader who answers no to all texts, but is less sure of those with the feature. */
  @Test
  void probabilitiesTellTextsThatAnswersDoNot() throws IOException {
    FeatureExplainer explainer = explainer(new Doubtful(0));
    FeatureRecord feature = LetterFeatures.feature(2);
    assertEquals(
        new ClassificationScore(0, 20, 0, 20, 0, 1.0),
        explainer.detection(feature, "the letter C"));
    assertEquals(
        new ClassificationScore(0, 20, 0, 20, 0, 0.5),
        explainer.detection(feature, "the letter D"));
  }

  /** A digit more than there are texts. */
  @Test
  void probabilitiesOfOtherNumbersOfTextsAreIgnored() throws IOException {
    assertEquals(
        new ClassificationScore(0, 20, 0, 20, 0, null),
        explainer(new Doubtful(1)).fuzzing(LetterFeatures.feature(2), "the letter C"));
  }

  /** Knows the answers of {@link LetterFeatures}, but says no. */
  private record Doubtful(int more) implements ChatModel {
    @Override
    public String answer(List<ChatMessage> messages) throws IOException {
      return LetterFeatures.answer(messages).replace('1', '0');
    }

    @Override
    public Answer answerWithTokens(List<ChatMessage> messages) throws IOException {
      List<Token> tokens = new ArrayList<>();
      for (char c : LetterFeatures.answer(messages).toCharArray()) {
        double yes = c == '1' ? 0.4 : 0.1;
        List<Choice> top =
            List.of(new Choice("0", Math.log(1 - yes)), new Choice("1", Math.log(yes)));
        tokens.add(new Token(c == '1' ? "0" : String.valueOf(c), top));
      }
      tokens.addAll(Collections.nCopies(more, new Token("0", List.of())));
      return new Answer(answer(messages), tokens);
    }
  }

  @Test
  void malformedAnswersAreCounted() throws IOException {
    FeatureExplainer explainer = explainer(messages -> "no idea");
    FeatureRecord feature = LetterFeatures.feature(0);
    assertEquals(Optional.empty(), explainer.explain(feature));
    assertEquals(
        new ClassificationScore(0, 0, 0, 0, 40), explainer.detection(feature, "the letter A"));
  }

  @Test
  void testedTextsAreNotShown() {
    FeatureRecord feature = LetterFeatures.feature(1);
    FeatureSamples samples = FeatureSamples.of(LetterFeatures.HEADER, feature, OPTIONS);
    assertEquals(20, samples.shown().size());
    assertEquals(20, samples.tested().size());
    assertEquals(20, samples.others().size());
    Set<Integer> texts = new HashSet<>();
    samples.shown().forEach(example -> assertTrue(texts.add(example.text())));
    samples.tested().forEach(example -> assertTrue(texts.add(example.text())));
    for (Quantile quantile : feature.quantiles()) {
      assertEquals(5, quantile.examples().stream().filter(samples.tested()::contains).count());
    }
    assertEquals(samples, FeatureSamples.of(LetterFeatures.HEADER, feature, OPTIONS));
    var other = new ExplainOptions(20, 20, 5, 1);
    assertFalse(samples.equals(FeatureSamples.of(LetterFeatures.HEADER, feature, other)));
  }

  @Test
  void rareFeaturesAreTestedByHalfOfTheirTexts() {
    FeatureRecord all = LetterFeatures.feature(1);
    List<FeatureExample> few = all.quantiles().getFirst().examples().subList(0, 3);
    FeatureRecord rare =
        new FeatureRecord(
            1,
            3,
            0.003,
            1,
            few.getFirst().value(),
            all.histogram(),
            few,
            List.of(new Quantile(1, 2, few)),
            all.inactive(),
            List.of(),
            List.of());
    FeatureSamples samples = FeatureSamples.of(LetterFeatures.HEADER, rare, OPTIONS);
    assertEquals(1, samples.tested().size());
    assertEquals(1, samples.others().size());
    assertEquals(2, samples.shown().size());
  }

  @Test
  void questionsHaveMarkedExamplesAndActivations() throws IOException {
    List<List<ChatMessage>> asked = new ArrayList<>();
    FeatureExplainer explainer =
        explainer(
            messages -> {
              asked.add(messages);
              return "";
            });
    FeatureRecord feature = LetterFeatures.feature(0);
    explainer.explain(feature);
    explainer.detection(feature, "the letter A");
    explainer.fuzzing(feature, "the letter A");
    String question = LetterFeatures.content(asked.getFirst().getLast());
    assertTrue(
        question.startsWith("Example 0: vw<<A>>yz\nActivations: (\"A\", 10)\nExample 1: "),
        question);
    String detection = LetterFeatures.content(asked.get(1).getLast());
    assertTrue(detection.startsWith("Feature: the letter A\n\nExample 0: vw"), detection);
    assertFalse(detection.contains("<<"), detection);
    assertEquals(5, detection.lines().filter(line -> line.startsWith("Example")).count());
    String fuzzing = LetterFeatures.content(asked.getLast().getLast());
    assertTrue(fuzzing.contains("<<"), fuzzing);
  }

  @Test
  void randomMarksAreAsManyAsWanted() {
    Window window = new Window(0, 0, List.of("a", "b", "c", "d", "e", "f", "g"));
    for (int marks = 1; marks <= 9; marks++) {
      String marked = FeatureExplainer.marked(window, marks, new Random(marks));
      assertEquals("abcdefg", marked.replace("<<", "").replace(">>", ""));
      int inside = 0;
      boolean open = false;
      for (int i = 0; i < marked.length(); i++) {
        open = marked.charAt(i) == '<' || (open && marked.charAt(i) != '>');
        inside += open && marked.charAt(i) != '<' ? 1 : 0;
      }
      assertEquals(Math.min(7, marks), inside, marked);
      assertTrue(marked.matches(".*<<[a-g]*d[a-g]*>>.*"), marked);
    }
  }

  @Test
  void rejectsInvalidOptions() {
    assertThrows(InvalidInputException.class, () -> new ExplainOptions(0, 1, 1, 0));
    assertThrows(InvalidInputException.class, () -> new ExplainOptions(1, 0, 1, 0));
    assertThrows(InvalidInputException.class, () -> new ExplainOptions(1, 1, 101, 0));
    assertThrows(IllegalArgumentException.class, () -> new ClassificationScore(-1, 0, 0, 0, 0));
  }
}
