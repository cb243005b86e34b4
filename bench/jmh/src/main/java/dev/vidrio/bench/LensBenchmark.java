package dev.vidrio.bench;

import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.AttributionPatching;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.session.TokenRunner;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What it costs to watch: the same tokens with nothing kept, and with every hook point; and what
 * attribution by gradients costs beside a way forward.
 */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class LensBenchmark extends Protocol {
  private static final int PROMPT = 128;
  private static final int GENERATED = 64;
  private static final DifferentiableMetric METRIC = Metric.logitDifference(1, 2);

  /** A GGUF file, or the embedded model. */
  @Param("bard")
  public String file;

  private Model model;
  private Session plain;
  private LensSession watched;
  private LensSession recomputed;
  private Sequence plainSequence;
  private Sequence watchedSequence;
  private Sequence recomputedSequence;
  private String peers;
  private int[] prompt;
  private int[] corrupted;
  private int[] generated;

  /**
   * Opens a session that keeps nothing, one that keeps all and one that computes most of it again,
   * and compares their logits.
   */
  @Setup
  public void open() {
    model =
        file.equals("bard") ? BardModel.open(NativeExecutor::create) : Model.open(Path.of(file));
    var random = new SplittableRandom(1);
    int vocabulary = model.architecture().vocabulary();
    prompt = random.ints(PROMPT, 0, vocabulary).toArray();
    corrupted = prompt.clone();
    corrupted[PROMPT / 2] = (corrupted[PROMPT / 2] + 1) % vocabulary;
    generated = random.ints(GENERATED, 0, vocabulary).toArray();
    peers =
        Lens.of(model).points().stream()
            .map(HookPoint::site)
            .distinct()
            .filter(site -> site != HookSite.RESULT)
            .map(site -> (site.inBlock() ? "blocks.*." : "") + site.suffix())
            .collect(Collectors.joining(","));
    var options = SessionOptions.DEFAULT.withContext(PROMPT + GENERATED);
    plain = model.newSession(options);
    plainSequence = plain.newSequence();
    plain.feed(plainSequence, prompt);
    watched = Lens.of(model).open(Capture.of("*"), options);
    watchedSequence = watched.newSequence();
    watched.feed(watchedSequence, prompt);
    recomputed = Lens.of(model).open(Capture.of("*").recomputed(), options);
    recomputedSequence = recomputed.newSequence();
    recomputed.feed(recomputedSequence, prompt);
    MemorySegment logits = generate();
    if (logits.mismatch(generateWatched()) >= 0 || logits.mismatch(generateRecomputed()) >= 0) {
      throw new IllegalStateException("watching changed the logits");
    }
  }

  /** Tokens one by one, after the prompt. */
  @Benchmark
  public MemorySegment generate() {
    return generate(plain, plainSequence);
  }

  /** The same, keeping every hook point. */
  @Benchmark
  public MemorySegment generateWatched() {
    return generate(watched, watchedSequence);
  }

  /** The same, with every hook point to be had, and most of them computed again when asked for. */
  @Benchmark
  public MemorySegment generateRecomputed() {
    return generate(recomputed, recomputedSequence);
  }

  private MemorySegment generate(TokenRunner feed, Sequence sequence) {
    sequence.truncate(PROMPT);
    MemorySegment logits = MemorySegment.NULL;
    for (int token : generated) {
      logits = feed.feed(sequence, token);
    }
    return logits;
  }

  /**
   * A prompt, with a cache of every hook point but the results of heads, which others leave out
   * too, all of them computed.
   */
  @Benchmark
  public long cache() {
    return cache(Capture.of(peers));
  }

  /** The same with the results of heads. */
  @Benchmark
  public long cacheWithResults() {
    return cache(Capture.of("*"));
  }

  /** A prompt whose hook points can be had, but are not asked for. */
  @Benchmark
  public long cacheUnread() {
    try (ActivationCache cache = Lens.of(model).run(prompt, Capture.of(peers).recomputed())) {
      return cache.bytes();
    }
  }

  /** The same, and all of them asked for, which computes most again. */
  @Benchmark
  public long cacheRecomputed() {
    return cache(Capture.of(peers).recomputed());
  }

  private long cache(Capture capture) {
    try (ActivationCache cache = Lens.of(model).run(prompt, capture)) {
      return cache.points().stream().mapToLong(point -> cache.get(point).elements()).sum();
    }
  }

  /** A prompt, with nothing kept: a way forward. */
  @Benchmark
  public MemorySegment prompt() {
    plainSequence.truncate(0);
    return plain.feed(plainSequence, prompt);
  }

  /** A prompt forward and back: gradient × input of its tokens. */
  @Benchmark
  public InputAttribution gradientTimesInput() {
    return GradientAttribution.timesInput(Lens.of(model), prompt, METRIC);
  }

  /** The same by fast gradients. */
  @Benchmark
  public InputAttribution fastGradientTimesInput() {
    return GradientAttribution.timesInput(Lens.of(model).fastGradients(), prompt, METRIC);
  }

  /** Two prompts forward and one back: all patches of the residual stream, estimated. */
  @Benchmark
  public ActivationPatching attributionPatching() {
    return attributionPatching(Lens.of(model));
  }

  /** The same by fast gradients. */
  @Benchmark
  public ActivationPatching fastAttributionPatching() {
    return attributionPatching(Lens.of(model).fastGradients());
  }

  private ActivationPatching attributionPatching(Lens lens) {
    return AttributionPatching.of(
        lens, TextPair.of(prompt, corrupted, 1, 2), Site.RESID_PRE, Direction.DENOISING);
  }

  /** Frees everything. */
  @TearDown
  public void close() {
    watched.close();
    recomputed.close();
    model.close();
  }
}
