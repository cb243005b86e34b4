package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.IndexHeader;
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
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Explains features in words by a chat model, and measures the explanations (Bills et al. 2023;
 * Paulo et al. 2024, arXiv 2410.13928). An explanation is made from marked examples of an index. It
 * is good if a model that only reads the explanation recognizes the feature in other texts:
 *
 * <ul>
 *   <li>detection: which texts contain the feature?
 *   <li>fuzzing: are the marked tokens those of the feature? Texts without it have as many random
 *       marks as the others have active tokens on average.
 * </ul>
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="explain"}
 *
 * <p>Compare the scores with those of the explanation of another feature: an explanation that fits
 * every text, or a model that guesses, has a score that does not differ. Texts, marks and their
 * order follow from the seed and the number of the feature. Not thread-safe.
 *
 * @see dev.vidrio.lens.decode.sae.index.FeatureIndexer
 * @see "docs/lens/corpus.md"
 */
public final class FeatureExplainer {
  private final IndexHeader header;
  private final ChatModel model;
  private final ExplainOptions options;
  private int requests;

  /** A text of a question, and whether the answer should be yes. */
  private record Tested(String text, boolean truth) {}

  /**
   * Creates an explainer.
   *
   * @param header the index of the features
   * @param model answers
   */
  public FeatureExplainer(IndexHeader header, ChatModel model, ExplainOptions options) {
    this.header = header;
    this.model = model;
    this.options = options;
  }

  /** Returns the number of requests so far. */
  public int requests() {
    return requests;
  }

  /**
   * Explains a feature.
   *
   * @return the explanation on one line; nothing if the answer has none in the requested form
   * @throws dev.vidrio.error.InvalidInputException if the feature is never active
   * @throws IOException if the model does not answer
   */
  public Optional<String> explain(FeatureRecord feature) throws IOException {
    List<FeatureExample> shown = FeatureSamples.of(header, feature, options).shown();
    return AnswerReader.explanation(ask(FeaturePrompts.explain(shown, feature.max())));
  }

  /**
   * Measures whether an explanation tells texts with the feature from others.
   *
   * @throws IOException if the model does not answer
   */
  public ClassificationScore detection(FeatureRecord feature, String explanation)
      throws IOException {
    FeatureSamples samples = FeatureSamples.of(header, feature, options);
    List<Tested> texts = new ArrayList<>();
    samples.tested().forEach(e -> texts.add(new Tested(String.join("", e.tokens()), true)));
    samples.others().forEach(w -> texts.add(new Tested(String.join("", w.tokens()), false)));
    return classify(feature, texts, batch -> FeaturePrompts.detect(explanation, batch));
  }

  /**
   * Measures whether an explanation tells right marks from random ones.
   *
   * @throws IOException if the model does not answer
   */
  public ClassificationScore fuzzing(FeatureRecord feature, String explanation) throws IOException {
    FeatureSamples samples = FeatureSamples.of(header, feature, options);
    var random = new Random(options.seed() * 31 + feature.feature());
    int marks = marks(samples.tested());
    List<Tested> texts = new ArrayList<>();
    samples.tested().forEach(e -> texts.add(new Tested(MarkedText.of(e), true)));
    samples.others().forEach(w -> texts.add(new Tested(marked(w, marks, random), false)));
    return classify(feature, texts, batch -> FeaturePrompts.fuzz(explanation, batch));
  }

  /** Returns the mean number of active tokens of examples, rounded up. */
  static int marks(List<FeatureExample> examples) {
    double mean =
        examples.stream()
            .mapToLong(example -> example.activations().stream().filter(a -> a != 0).count())
            .average()
            .orElse(0);
    return (int) Math.ceil(mean);
  }

  /**
   * Marks random tokens of a window. One is in the middle, where examples have their active token.
   */
  static String marked(Window window, int marks, Random random) {
    int n = window.tokens().size();
    Set<Integer> marked = new HashSet<>();
    marked.add(n / 2);
    List<Integer> rest =
        new ArrayList<>(IntStream.range(0, n).filter(i -> i != n / 2).boxed().toList());
    Collections.shuffle(rest, random);
    marked.addAll(rest.subList(0, Math.clamp(marks - 1L, 0, rest.size())));
    return MarkedText.of(window.tokens(), marked::contains);
  }

  private interface Question {
    List<ChatMessage> of(List<String> texts);
  }

  private ClassificationScore classify(FeatureRecord feature, List<Tested> texts, Question question)
      throws IOException {
    Collections.shuffle(texts, new Random(options.seed() * 37 + feature.feature()));
    ClassificationScore score = ClassificationScore.NONE;
    List<Double> yes = new ArrayList<>();
    List<Double> no = new ArrayList<>();
    for (int begin = 0; begin < texts.size(); begin += options.batch()) {
      List<Tested> batch = texts.subList(begin, Math.min(texts.size(), begin + options.batch()));
      requests++;
      ChatModel.Answer answer =
          model.answerWithTokens(question.of(batch.stream().map(Tested::text).toList()));
      Optional<List<Boolean>> labels = AnswerReader.labels(answer.text(), batch.size());
      score = labels.isEmpty() ? score.withFailed(batch.size()) : add(score, batch, labels.get());
      List<Double> probabilities =
          AnswerReader.probabilities(answer.tokens(), batch.size()).orElse(List.of());
      for (int i = 0; i < probabilities.size() && labels.isPresent(); i++) {
        (batch.get(i).truth ? yes : no).add(probabilities.get(i));
      }
    }
    return score.withArea(area(yes, no));
  }

  /** Returns the fraction of pairs in which the first is larger, or null if there are none. */
  static @Nullable Double area(List<Double> yes, List<Double> no) {
    if (yes.isEmpty() || no.isEmpty()) {
      return null;
    }
    double sum = 0;
    for (double one : yes) {
      for (double other : no) {
        sum += one > other ? 1 : one == other ? 0.5 : 0;
      }
    }
    return sum / ((double) yes.size() * no.size());
  }

  private static ClassificationScore add(
      ClassificationScore score, List<Tested> batch, List<Boolean> labels) {
    ClassificationScore sum = score;
    for (int i = 0; i < batch.size(); i++) {
      sum = sum.with(batch.get(i).truth, labels.get(i));
    }
    return sum;
  }

  private String ask(List<ChatMessage> messages) throws IOException {
    requests++;
    return model.answer(messages);
  }
}
