package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Compares results with their definitions, one token at a time in separate sequences in double
 * precision, and with the gold outputs of the embedded model.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvaluationTest {
  private Model model = unopened();

  @SuppressWarnings("NullAway") // opened before all tests
  private static Model unopened() {
    return null;
  }

  @BeforeAll
  void open() {
    model = Model.open(BardFiles.f32());
  }

  @AfterAll
  void close() {
    model.close();
  }

  /** Returns log p of each token except the first, given all before it. */
  private double[] logProbabilities(int... tokens) {
    return logProbabilities(SessionOptions.DEFAULT, tokens);
  }

  private double[] logProbabilities(SessionOptions options, int... tokens) {
    double[] result = new double[tokens.length - 1];
    try (Session session = model.newSession(options)) {
      Sequence sequence = session.newSequence();
      for (int i = 0; i < result.length; i++) {
        float[] logits = session.feed(sequence, tokens[i]).toArray(JAVA_FLOAT);
        result[i] = logProbability(logits, tokens[i + 1]);
      }
    }
    return result;
  }

  private static double logProbability(float[] logits, int token) {
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    return logits[token] - Math.log(sum);
  }

  private int[] randomTokens(int n) {
    return new SplittableRandom(5).ints(n, 1, model.architecture().vocabulary()).toArray();
  }

  @Test
  void perplexityScoresSecondHalvesOfWindowsWithBos() {
    int context = 20;
    int[] tokens = randomTokens(7 * context + 3);
    double sum = 0;
    double squares = 0;
    int count = 0;
    for (int w = 0; w < 7; w++) {
      int[] window = Arrays.copyOfRange(tokens, w * context, (w + 1) * context);
      window[0] = model.tokenizer().bos().orElseThrow();
      double[] logProbabilities = logProbabilities(window);
      for (int i = context / 2; i < context - 1; i++) {
        sum -= logProbabilities[i];
        squares += logProbabilities[i] * logProbabilities[i];
        count++;
      }
    }
    double mean = sum / count;
    double error = Math.sqrt((squares / count - mean * mean) / (count - 1)) * Math.exp(mean);
    Perplexity result = Perplexity.of(model, tokens, context, SessionOptions.DEFAULT, done -> {});
    assertEquals(7 * 9, result.count());
    assertEquals(7, result.windows());
    assertEquals(mean, result.meanNll(), 1e-9);
    assertEquals(Math.exp(mean), result.perplexity(), 1e-9 * result.perplexity());
    assertEquals(error, result.error(), 1e-6 * error);
  }

  @Test
  void appliesSessionOptions() {
    SessionOptions bytes = SessionOptions.DEFAULT.withKvType(KvType.Q8_0);
    int[] tokens = randomTokens(40);
    double nll = 0;
    for (int w = 0; w < 2; w++) {
      int[] window = Arrays.copyOfRange(tokens, w * 20, (w + 1) * 20);
      window[0] = model.tokenizer().bos().orElseThrow();
      nll -= Arrays.stream(logProbabilities(bytes, window)).skip(10).sum();
    }
    double mean = Perplexity.of(model, tokens, 20, bytes, done -> {}).meanNll();
    assertEquals(nll / 18, mean, 1e-9);
    assertNotEquals(
        Perplexity.of(model, tokens, 20, SessionOptions.DEFAULT, done -> {}).meanNll(), mean);
    var request = List.of(new LogLikelihood.Request("To be, or not", " to be"));
    assertNotEquals(
        LogLikelihood.of(model, request, SessionOptions.DEFAULT, done -> {}),
        LogLikelihood.of(model, request, bytes, done -> {}));
  }

  /**
   * LongRoPE uses other factors in contexts of more than 16 positions; compared with transformers.
   */
  @ParameterizedTest
  @CsvSource({"logits, 40", "short_logits, 16"})
  void perplexityUsesLongRopeByWindowLength(String tensor, int context, @TempDir Path directory)
      throws IOException {
    SafetensorsFile expected = TinyModels.expected("phi3-longrope");
    int[] window = Arrays.copyOf(expected.ints("tokens"), context);
    float[] logits = expected.floats(tensor);
    double nll = 0;
    for (int i = context / 2; i < context - 1; i++) {
      nll -= logProbability(Arrays.copyOfRange(logits, 64 * i, 64 * (i + 1)), window[i + 1]);
    }
    double mean = nll / (context - 1 - context / 2);
    Path file = TinyModels.write(directory.resolve("phi3.gguf"), "phi3-longrope");
    try (Model phi = Model.open(file)) {
      int[] twice = IntStream.concat(Arrays.stream(window), Arrays.stream(window)).toArray();
      assertEquals(
          mean,
          Perplexity.of(phi, twice, context, SessionOptions.DEFAULT, done -> {}).meanNll(),
          1e-4 * mean);
    }
  }

  @Test
  void longTextsDoNotChangeShortOnes(@TempDir Path directory) throws IOException {
    Path file = TinyModels.write(directory.resolve("phi3.gguf"), "phi3-longrope");
    List<int[]> texts = List.of(new int[30], new int[] {1, 2, 3}, new int[] {4, 5});
    try (Model phi = Model.open(file)) {
      List<float[]> all = embed(phi, texts);
      for (int i = 0; i < texts.size(); i++) {
        assertArrayEquals(embed(phi, List.of(texts.get(i))).getFirst(), all.get(i));
      }
    }
  }

  private static List<float[]> embed(Model model, List<int[]> texts) {
    return Embeddings.of(model, texts, Embeddings.Pooling.MEAN, false, done -> {});
  }

  @Test
  void rejectsInvalidPerplexityWindows() {
    int[] tokens = randomTokens(39);
    assertThrows(
        InvalidInputException.class,
        () -> Perplexity.of(model, tokens, 20, SessionOptions.DEFAULT, done -> {}));
    assertThrows(
        InvalidInputException.class,
        () -> Perplexity.of(model, tokens, 3, SessionOptions.DEFAULT, done -> {}));
    assertThrows(
        InvalidInputException.class,
        () -> Perplexity.of(model, tokens, 1 << 20, SessionOptions.DEFAULT, done -> {}));
  }

  @Test
  void logLikelihoodSumsTheContinuation() {
    var requests = new ArrayList<LogLikelihood.Request>();
    String line = "Now is the winter of our discontent made glorious summer by this sun of York";
    for (int i = 0; i >= 0; i = line.indexOf(' ', i + 1)) {
      requests.add(new LogLikelihood.Request(line.substring(0, i), line.substring(i)));
    }
    List<LogLikelihood> results =
        LogLikelihood.of(model, requests, SessionOptions.DEFAULT, done -> {});
    for (int r = 0; r < requests.size(); r++) {
      int[] whole = model.tokenizer().encode(line);
      int context = model.tokenizer().encode(requests.get(r).context().stripTrailing()).length;
      double[] logProbabilities = logProbabilities(whole);
      double sum = Arrays.stream(logProbabilities).skip(context - 1).sum();
      assertEquals(sum, results.get(r).logLikelihood(), 1e-6 * Math.abs(sum));
      assertEquals(whole.length - context, results.get(r).tokens());
    }
    assertThrows(
        InvalidInputException.class,
        () ->
            LogLikelihood.of(
                model,
                List.of(new LogLikelihood.Request("a", "")),
                SessionOptions.DEFAULT,
                done -> {}));
  }

  @Test
  void reportsGreedyContinuations() {
    var gold = BardFiles.greedy("f32");
    int[] prompt = gold.get("prompt_ids").valueStream().mapToInt(n -> n.intValue()).toArray();
    int[] greedy =
        gold.get("greedy").valueStream().limit(5).mapToInt(n -> n.get("id").intValue()).toArray();
    String context = model.tokenizer().decode(Arrays.copyOfRange(prompt, 1, prompt.length));
    String likely = model.tokenizer().decode(greedy);
    List<LogLikelihood> results =
        LogLikelihood.of(
            model,
            List.of(
                new LogLikelihood.Request(context, likely),
                new LogLikelihood.Request(context, " zebra")),
            SessionOptions.DEFAULT,
            done -> {});
    assertTrue(results.get(0).greedy());
    assertEquals(false, results.get(1).greedy());
  }

  /** The gold has the residual stream before the final norm, which the test computes. */
  @Test
  void embeddingsMatchPooledNormsOfGold() {
    SafetensorsFile gold = BardFiles.gold("f32");
    int[] tokens = gold.ints("tokens");
    int d = model.architecture().width();
    float[] resid =
        gold.floats("blocks." + (model.architecture().layers() - 1) + ".hook_resid_post");
    float[] gain = model.gguf().tensor("output_norm.weight").data().toArray(JAVA_FLOAT);
    double epsilon =
        model.gguf().metadata().floatValue("llama.attention.layer_norm_rms_epsilon", 0, 1);
    double[][] normed = new double[tokens.length][d];
    double[] mean = new double[d];
    for (int i = 0; i < tokens.length; i++) {
      double squares = 0;
      for (int j = 0; j < d; j++) {
        squares += (double) resid[i * d + j] * resid[i * d + j];
      }
      double scale = 1 / Math.sqrt(squares / d + epsilon);
      for (int j = 0; j < d; j++) {
        normed[i][j] = resid[i * d + j] * scale * gain[j];
        mean[j] += normed[i][j] / tokens.length;
      }
    }
    List<int[]> texts = List.of(new int[] {1, 2, 3}, tokens, new int[] {7});
    check(mean, texts, Embeddings.Pooling.MEAN);
    check(normed[tokens.length - 1], texts, Embeddings.Pooling.LAST);
  }

  private void check(double[] expected, List<int[]> texts, Embeddings.Pooling pooling) {
    double length = Math.sqrt(Arrays.stream(expected).map(x -> x * x).sum());
    float[] plain = Embeddings.of(model, texts, pooling, false, done -> {}).get(1);
    float[] unit = Embeddings.of(model, texts, pooling, true, done -> {}).get(1);
    for (int j = 0; j < expected.length; j++) {
      assertEquals(expected[j], plain[j], 1e-4 * length);
      assertEquals(expected[j] / length, unit[j], 1e-4);
    }
  }

  @Test
  void resultsAreIndependentOfBatching() {
    List<int[]> texts = new ArrayList<>();
    for (int n = 1; n < 60; n++) {
      texts.add(randomTokens(n));
    }
    List<float[]> all = embed(model, texts);
    for (int i = 0; i < texts.size(); i += 7) {
      assertArrayEquals(embed(model, List.of(texts.get(i))).getFirst(), all.get(i));
    }
  }
}
