package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.PatternSums.Relations;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Statistics of all heads and all feed-forward neurons in one pass over a corpus of any length:
 * what heads attend to and when neurons are active on natural text (section 5 of the primer, arXiv
 * 2405.00208). {@link HeadDetection} and {@link NeuronDetection} test a few functions on artificial
 * texts or by weights; names that come from one prompt may not hold on a corpus.
 *
 * {@snippet file="LensExamplesTest.java" region="corpus"}
 *
 * <p>Memory does not depend on the number of texts: activations of one text, which grow with the
 * square of its length, and per neuron 512 bytes for ranges of positions and 20 for each kept
 * activation.
 *
 * <p>Layers without attention have no heads here, and layers with experts or without a feed-forward
 * block no neurons.
 *
 * @param texts number of texts
 * @param tokens number of tokens with activations that count: all but the first of each text
 * @param bins number of ranges of positions in {@link NeuronStatistics#position}
 * @param heads by layer and head
 * @param neurons by layer and neuron
 * @param sinks what heads see of the first position; of layers with heads, if there are neurons
 * @see "docs/lens/corpus.md"
 */
public record CorpusStatistics(
    int texts,
    long tokens,
    int bins,
    List<HeadStatistics> heads,
    List<NeuronStatistics> neurons,
    List<SinkKeys> sinks) {
  /** Maximum number of ranges of positions. */
  private static final int BINS = 128;

  /** Maximum bytes of the patterns of a text. */
  private static final long PATTERN_BYTES = 1L << 30;

  /**
   * Selects what to gather.
   *
   * @param heads whether to gather statistics of heads
   * @param neurons whether to gather statistics of neurons
   * @param top number of largest activations of each neuron to keep, at least 1
   */
  public record Options(boolean heads, boolean neurons, int top) {
    /** Gathers all, with 20 activations of each neuron. */
    public static final Options DEFAULT = new Options(true, true, 20);

    public Options {
      Preconditions.require(heads || neurons, "statistics", "", "must be of heads or neurons");
      Preconditions.requireRange("top", top, 1, 1000);
    }
  }

  /**
   * The keys of the first position, by which a layer's heads find it, as means over texts.
   *
   * @param layer from 0
   * @param keys of position 0, as attention reads them, [H_kv][d_h]
   * @param divisor of the norm before attention, at the other positions; 1 without such a norm
   */
  public record SinkKeys(int layer, List<float[]> keys, double divisor) {}

  public CorpusStatistics {
    heads = List.copyOf(heads);
    neurons = List.copyOf(neurons);
    sinks = List.copyOf(sinks);
  }

  /**
   * Runs texts and gathers statistics.
   *
   * @param texts tokens, a run each
   * @throws InvalidInputException if no text has 2 tokens, a text is too long for the model or for
   *     1 GiB of patterns, or the model has nothing of what is selected
   */
  public static CorpusStatistics of(Lens lens, List<int[]> texts, Options options) {
    int longest = texts.stream().mapToInt(text -> text.length).max().orElse(0);
    Preconditions.require(longest >= 2, "text", longest + " tokens", "must have at least 2 tokens");
    var pass = new Pass(lens, longest, options);
    for (int i = 0; i < texts.size(); i++) {
      pass.add(i, texts.get(i));
    }
    return pass.result(texts.size());
  }

  /** The sums of one pass. */
  private static final class Pass {
    final Lens lens;
    final int longest;
    final Map<HookPoint, PatternSums[]> patterns = new LinkedHashMap<>();
    final Map<Integer, NeuronSums> neurons = new LinkedHashMap<>();
    final Map<Integer, Sink> sinks = new LinkedHashMap<>();
    final long[] tokens;
    final Capture capture;

    /** Means of a layer's first keys and divisors. */
    private record Sink(HookPoint key, HookPoint scale, RowMean keys, RowMean divisors) {}

    Pass(Lens lens, int longest, Options options) {
      this.lens = lens;
      this.longest = longest;
      this.tokens = new long[Math.min(BINS, longest - 1)];
      Model model = lens.model();
      HookMap hooks = HookMap.of(model);
      long heads = 0;
      for (int l = 0; l < model.architecture().layers(); l++) {
        HookPoint pattern = new HookPoint(HookSite.PATTERN, l);
        if (options.heads && hooks.has(pattern)) {
          heads += hooks.heads(l);
          patterns.put(
              pattern,
              Stream.generate(() -> new PatternSums(longest))
                  .limit(hooks.heads(l))
                  .toArray(PatternSums[]::new));
        }
        if (options.neurons && NeuronWeights.hasNeurons(hooks, l)) {
          int width = hooks.buffer(new HookPoint(HookSite.POST, l)).width();
          neurons.put(l, new NeuronSums(width, tokens.length, options.top));
        }
        if (options.neurons && hooks.has(pattern)) {
          sinks.put(l, sink(hooks, l));
        }
      }
      Preconditions.require(
          !patterns.isEmpty() || !neurons.isEmpty(),
          "statistics",
          "",
          "the model does not have "
              + (options.heads ? "heads" : "neurons of one feed-forward block per layer"));
      requireFit(heads);
      this.capture = Capture.of(names());
    }

    private static Sink sink(HookMap hooks, int layer) {
      int keysOf = hooks.keysOf(layer);
      HookPoint rotated = new HookPoint(HookSite.ROT_K, keysOf);
      HookPoint key = hooks.has(rotated) ? rotated : new HookPoint(HookSite.K, keysOf);
      HookPoint scale = new HookPoint(HookSite.LN1_SCALE, layer);
      return new Sink(key, scale, new RowMean(), new RowMean());
    }

    private void requireFit(long heads) {
      long most = heads == 0 ? longest : (long) Math.sqrt(PATTERN_BYTES / 4.0 / heads);
      Preconditions.require(
          longest <= most,
          "length",
          longest,
          "must be at most " + most + ", so that the patterns of a text fit into 1 GiB");
    }

    private String names() {
      List<String> names = new ArrayList<>();
      patterns.keySet().forEach(point -> names.add(point.name()));
      for (int l : neurons.keySet()) {
        names.add(new HookPoint(HookSite.PRE, l).name());
        names.add(new HookPoint(HookSite.POST, l).name());
      }
      for (Sink sink : sinks.values()) {
        names.add(sink.key.name());
        if (lens.has(sink.scale)) {
          names.add(sink.scale.name());
        }
      }
      return String.join(",", names);
    }

    void add(int text, int[] ids) {
      if (ids.length < 2) {
        return;
      }
      Relations relations = new Relations(ids, WordStarts.of(lens.model().tokenizer(), ids));
      try (ActivationCache cache = lens.run(ids, capture)) {
        patterns.forEach(
            (point, sums) -> {
              Activation pattern = cache.get(point);
              IntStream.range(0, sums.length)
                  .parallel()
                  .forEach(h -> sums[h].add(pattern.row(h), 0, relations));
            });
        neurons.entrySet().parallelStream()
            .forEach(layer -> add(cache, text, ids, layer.getKey(), layer.getValue()));
        sinks.values().forEach(sink -> add(cache, sink, ids.length));
      }
      for (int i = 1; i < ids.length; i++) {
        tokens[bin(i)]++;
      }
    }

    /** Returns the range of a position from 1 on. */
    private int bin(int position) {
      return (int) ((long) (position - 1) * tokens.length / (longest - 1));
    }

    private void add(ActivationCache cache, int text, int[] ids, int layer, NeuronSums sums) {
      MemorySegment pre = cache.get(HookSite.PRE, layer).data();
      MemorySegment post = cache.get(HookSite.POST, layer).data();
      int width = Math.toIntExact(pre.byteSize() / Float.BYTES / ids.length);
      var inputs = new float[width];
      var outputs = new float[width];
      for (int i = 1; i < ids.length; i++) {
        MemorySegment.copy(pre, JAVA_FLOAT, 4L * i * width, inputs, 0, width);
        MemorySegment.copy(post, JAVA_FLOAT, 4L * i * width, outputs, 0, width);
        sums.add(bin(i), inputs, outputs, new int[] {text, i, ids[i], ids[i - 1]});
      }
    }

    private void add(ActivationCache cache, Sink sink, int n) {
      sink.keys.add(cache.get(sink.key).row(0));
      if (lens.has(sink.scale)) {
        float[] divisors = cache.get(sink.scale).toArray();
        for (int i = 1; i < n; i++) {
          sink.divisors.add(new float[] {divisors[i]});
        }
      }
    }

    CorpusStatistics result(int texts) {
      List<HeadStatistics> heads = new ArrayList<>();
      patterns.forEach(
          (point, sums) ->
              IntStream.range(0, sums.length)
                  .forEach(h -> heads.add(sums[h].statistics(point.layer(), h))));
      List<NeuronStatistics> found = new ArrayList<>();
      neurons.forEach((layer, sums) -> found.addAll(sums.statistics(layer, tokens)));
      List<SinkKeys> keys = new ArrayList<>();
      HookMap hooks = HookMap.of(lens.model());
      sinks.forEach((layer, sink) -> keys.add(keys(sink, layer, hooks.kvHeads(layer))));
      return new CorpusStatistics(
          texts, Arrays.stream(tokens).sum(), tokens.length, heads, found, keys);
    }

    private SinkKeys keys(Sink sink, int layer, int heads) {
      float[] mean = sink.keys.mean();
      int width = mean.length / heads;
      List<float[]> keys =
          IntStream.range(0, heads)
              .mapToObj(h -> Arrays.copyOfRange(mean, h * width, (h + 1) * width))
              .toList();
      return new SinkKeys(layer, keys, lens.has(sink.scale) ? sink.divisors.mean()[0] : 1);
    }
  }
}
