package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.NeuronStatistics.Context;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Statistics of one pass against those of all activations in memory. */
class CorpusStatisticsTest extends BardTest {
  @TempDir Path directory;

  private final List<int[]> texts =
      List.of(
          model.tokenizer().encode("The king and his queen, the king and the kingdom of kings"),
          model.tokenizer().encode("To be, or not to be: that is the question"),
          new int[] {0},
          model.tokenizer().encode("Unbelievable misunderstandings"));

  /** The pattern of a head for each text. */
  private List<float[][]> patterns(int layer, int head) {
    List<float[][]> all = new ArrayList<>();
    for (int[] text : texts) {
      try (ActivationCache cache = lens.run(text, Capture.of("*.hook_pattern"))) {
        Activation pattern = cache.get(HookSite.PATTERN, layer);
        var rows = new float[text.length][text.length];
        for (int i = 0; i < text.length; i++) {
          for (int j = 0; j < text.length; j++) {
            rows[i][j] = pattern.at(head, i, j);
          }
        }
        all.add(rows);
      }
    }
    return all;
  }

  /** Returns whether a token begins with a letter and follows one that ends with a letter. */
  private boolean continues(int[] text, int i) {
    String before = model.tokenizer().piece(text[i - 1]);
    String own = model.tokenizer().piece(text[i]);
    return !model.tokenizer().isSpecial(text[i - 1])
        && Character.isLetter(own.charAt(0))
        && Character.isLetter(before.charAt(before.length() - 1));
  }

  @Test
  void headsEqualNaiveMeans() {
    CorpusStatistics found = CorpusStatistics.of(lens, texts, CorpusStatistics.Options.DEFAULT);
    assertEquals(4, found.texts());
    assertEquals(texts.stream().mapToInt(text -> text.length - 1).sum(), found.tokens());
    assertEquals(32, found.heads().size());
    for (int index : new int[] {0, 9, 21, 31}) {
      HeadStatistics head = found.heads().get(index);
      List<float[][]> patterns = patterns(head.layer(), head.head());
      double previous = 0;
      double distance = 0;
      double subword = 0;
      double induction = 0;
      int continued = 0;
      int repeats = 0;
      int queries = 0;
      Map<Integer, Integer> offsets = new TreeMap<>();
      for (int t = 0; t < texts.size(); t++) {
        int[] text = texts.get(t);
        for (int i = 1; i < text.length; i++) {
          float[] row = patterns.get(t)[i];
          queries++;
          previous += row[i - 1];
          int most = 0;
          for (int j = 0; j <= i; j++) {
            distance += row[j] * (i - j);
            most = row[j] > row[most] ? j : most;
            if (j > 0 && j < i && text[j - 1] == text[i]) {
              induction += row[j];
            }
          }
          int own = i;
          repeats += IntStream.range(0, i).anyMatch(j -> text[j] == text[own]) ? 1 : 0;
          offsets.merge(i - most, 1, Integer::sum);
          if (continues(text, i)) {
            continued++;
            int start = i;
            while (continues(text, start)) {
              start--;
              subword += row[start];
            }
          }
        }
      }
      assertTrue(continued > 0 && repeats > 0);
      assertEquals(previous / queries, head.scores().previous(), 1e-6);
      assertEquals(induction / repeats, head.scores().induction(), 1e-6);
      assertEquals(distance / queries, head.distance(), 1e-5);
      assertEquals(subword / continued, head.subword(), 1e-6);
      int most = offsets.values().stream().max(Comparator.naturalOrder()).orElseThrow();
      assertEquals(most, offsets.get(head.offset()));
      assertEquals(most / (double) queries, head.positional(), 1e-12);
    }
  }

  /** Activations of a neuron, with their places, in the order of the corpus. */
  private List<Context> activations(HookSite site, int layer, int neuron) {
    List<Context> all = new ArrayList<>();
    HookPoint point = new HookPoint(site, layer);
    for (int t = 0; t < texts.size(); t++) {
      int[] text = texts.get(t);
      try (ActivationCache cache = lens.run(text, Capture.of(point.name()))) {
        for (int i = 1; i < text.length; i++) {
          float value = cache.get(point).at(i, neuron);
          all.add(new Context(t, i, text[i], text[i - 1], value));
        }
      }
    }
    return all;
  }

  @Test
  void neuronsEqualNaiveStatistics() {
    CorpusStatistics found =
        CorpusStatistics.of(lens, texts, new CorpusStatistics.Options(false, true, 5));
    assertTrue(found.heads().isEmpty());
    for (int index : new int[] {7, 800, found.neurons().size() - 1}) {
      NeuronStatistics neuron = found.neurons().get(index);
      List<Context> post = activations(HookSite.POST, neuron.layer(), neuron.neuron());
      double[] values = post.stream().mapToDouble(Context::value).toArray();
      double mean = Arrays.stream(values).average().orElseThrow();
      double variance = moment(values, mean, 2);
      assertEquals(mean, neuron.mean(), 1e-9);
      assertEquals(Math.sqrt(variance), neuron.deviation(), 1e-9);
      assertEquals(moment(values, mean, 3) / Math.pow(variance, 1.5), neuron.skewness(), 1e-6);
      assertEquals(moment(values, mean, 4) / (variance * variance), neuron.kurtosis(), 1e-6);
      List<Context> ranked =
          post.stream().sorted(Comparator.comparingDouble(c -> -c.value())).toList();
      assertEquals(ranked.subList(0, 5), neuron.top());
      List<Context> pre = activations(HookSite.PRE, neuron.layer(), neuron.neuron());
      double active = pre.stream().filter(c -> c.value() > 0).count() / (double) pre.size();
      assertEquals(active, neuron.active(), 1e-12);
      assertEquals(information(pre), neuron.position(), 1e-9);
    }
  }

  private static double moment(double[] values, double mean, int power) {
    return Arrays.stream(values).map(x -> Math.pow(x - mean, power)).average().orElseThrow();
  }

  /** The mutual information of activity and position by the joint distribution. */
  private static double information(List<Context> pre) {
    double n = pre.size();
    double sum = 0;
    for (int position = 1; position < 50; position++) {
      int own = position;
      double at = pre.stream().filter(c -> c.position() == own).count() / n;
      for (boolean on : new boolean[] {false, true}) {
        double all = pre.stream().filter(c -> c.value() > 0 == on).count() / n;
        double joint =
            pre.stream().filter(c -> c.position() == own && c.value() > 0 == on).count() / n;
        sum += joint == 0 ? 0 : joint * Math.log(joint / (at * all)) / Math.log(2);
      }
    }
    return sum;
  }

  @Test
  void purityCountsMostFrequentContexts() {
    List<Context> top =
        List.of(
            new Context(0, 1, 5, 3, 9),
            new Context(0, 2, 6, 3, 8),
            new Context(0, 3, 6, 4, 7),
            new Context(1, 4, 6, 4, 6));
    var neuron = new NeuronStatistics(0, 0, 0, 1, 0, 3, 0.5, 0, top);
    assertEquals(6, neuron.token());
    assertEquals(0.75, neuron.tokenPurity());
    assertEquals(4, neuron.previous());
    assertEquals(0.5, neuron.bigramPurity());
  }

  /** Models without heads or plain neurons in a layer have none there; others have both. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void supportsEveryArchitecture(String name) throws IOException {
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens of = Lens.of(tiny);
      List<int[]> some = List.of(new int[] {3, 5, 7, 5, 9}, new int[] {4, 5});
      boolean experts = of.points().stream().anyMatch(p -> p.site() == HookSite.EXPERT_INDICES);
      boolean attends = of.points().stream().anyMatch(p -> p.site() == HookSite.PATTERN);
      assertTrue(experts || attends || !NeuronWeights.layers(of).isEmpty(), name);
      var found = CorpusStatistics.of(of, some, CorpusStatistics.Options.DEFAULT);
      assertEquals(5, found.tokens());
      assertEquals(!attends, found.heads().isEmpty(), name);
      assertEquals(NeuronWeights.layers(of).isEmpty(), found.neurons().isEmpty(), name);
      found.heads().forEach(head -> assertTrue(head.positional() > 0, name));
      found.neurons().forEach(neuron -> assertEquals(5, neuron.top().size(), name));
    }
  }

  @Test
  void rejectsTextsWithoutTwoTokensAndTooLongOnes() {
    var options = CorpusStatistics.Options.DEFAULT;
    assertThrows(InvalidInputException.class, () -> CorpusStatistics.of(lens, List.of(), options));
    assertThrows(
        InvalidInputException.class, () -> CorpusStatistics.of(lens, List.of(new int[1]), options));
    var refused =
        assertThrows(
            InvalidInputException.class,
            () -> CorpusStatistics.of(lens, List.of(new int[10_000]), options));
    assertTrue(refused.getMessage().contains("1 GiB"), refused.getMessage());
    assertThrows(InvalidInputException.class, () -> new CorpusStatistics.Options(false, false, 1));
    assertThrows(InvalidInputException.class, () -> new CorpusStatistics.Options(true, true, 0));
    assertFalse(found(new CorpusStatistics.Options(true, false, 1)).heads().isEmpty());
    assertTrue(found(new CorpusStatistics.Options(true, false, 1)).neurons().isEmpty());
  }

  private CorpusStatistics found(CorpusStatistics.Options options) {
    return CorpusStatistics.of(lens, texts, options);
  }
}
