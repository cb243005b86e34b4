package dev.vidrio.bench;

import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.attribute.Answer;
import dev.vidrio.lens.attribute.AnswerAttribution;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.AttributionPatching;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.BatchRunner;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
 * The cost of capturing activations: equal tokens with nothing captured, and with every hook point;
 * and the cost of gradient attribution compared to a forward pass.
 */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class LensBenchmark extends Protocol {
  private static final int PROMPT = 128;
  private static final int GENERATED = 64;

  /** Tokens of a prompt, and of its answer that is attributed to it. */
  private static final int ANSWERED = 200;

  private static final int ANSWER = 30;
  private static final DifferentiableMetric METRIC = Metric.logitDifference(1, 2);

  /** A GGUF file, or the embedded model. */
  @Param("bard")
  public String file;

  private Answer answer;
  private GradientSession gradients;
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
   * Opens a session that captures nothing, one that captures all hook points and one that
   * recomputes most of them, and compares their logits.
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
    answer = Answer.of(random.ints(ANSWERED + ANSWER, 0, vocabulary).toArray(), ANSWERED);
    String embed = HookPoint.of(HookSite.EMBED).name();
    int tokens = answer.input().length;
    gradients = GradientSession.open(Lens.of(model), GradientOptions.of(embed, tokens).repeating());
    MemorySegment logits = generate();
    if (logits.mismatch(generateCaptured()) >= 0 || logits.mismatch(generateRecomputed()) >= 0) {
      throw new IllegalStateException("capturing activations changed the logits");
    }
  }

  /** Decodes tokens one by one, after the prompt. */
  @Benchmark
  public MemorySegment generate() {
    return generate(plain, plainSequence);
  }

  /** Decodes tokens and captures every hook point. */
  @Benchmark
  public MemorySegment generateCaptured() {
    return generate(watched, watchedSequence);
  }

  /** Decodes tokens with every hook point available, most of them by recomputation on demand. */
  @Benchmark
  public MemorySegment generateRecomputed() {
    return generate(recomputed, recomputedSequence);
  }

  private MemorySegment generate(BatchRunner feed, Sequence sequence) {
    sequence.truncate(PROMPT);
    MemorySegment logits = MemorySegment.NULL;
    for (int token : generated) {
      logits = feed.feed(sequence, token);
    }
    return logits;
  }

  /**
   * Runs a prompt and reads every hook point except the results of heads, which other libraries do
   * not capture by default either.
   */
  @Benchmark
  public long cache() {
    return cache(Capture.of(peers));
  }

  /** Runs a prompt and reads every hook point, with the results of heads. */
  @Benchmark
  public long cacheWithResults() {
    return cache(Capture.of("*"));
  }

  /** Runs a prompt with every hook point available, and reads none. */
  @Benchmark
  public long cacheUnread() {
    try (ActivationCache cache = Lens.of(model).run(prompt, Capture.of(peers).recomputed())) {
      return cache.bytes();
    }
  }

  /** Runs a prompt and reads every hook point, most of them by recomputation. */
  @Benchmark
  public long cacheRecomputed() {
    return cache(Capture.of(peers).recomputed());
  }

  private long cache(Capture capture) {
    try (ActivationCache cache = Lens.of(model).run(prompt, capture)) {
      return cache.points().stream().mapToLong(point -> cache.get(point).elements()).sum();
    }
  }

  /** Runs a prompt with nothing captured: a forward pass. */
  @Benchmark
  public MemorySegment prompt() {
    plainSequence.truncate(0);
    return plain.feed(plainSequence, prompt);
  }

  /** Computes gradient × input of the tokens of a prompt: a forward and a backward pass. */
  @Benchmark
  public InputAttribution gradientTimesInput() {
    return GradientAttribution.timesInput(Lens.of(model), prompt, METRIC);
  }

  /** Computes gradient × input with fast gradients. */
  @Benchmark
  public InputAttribution fastGradientTimesInput() {
    return GradientAttribution.timesInput(Lens.of(model).fastGradients(), prompt, METRIC);
  }

  /** Computes gradient × input of each token of an answer: a matrix of answer × input. */
  @Benchmark
  public AnswerAttribution answerTimesInput() {
    return GradientAttribution.timesInput(Lens.of(model), answer);
  }

  /** Runs as many backward passes over the text of the answer, after one forward pass. */
  @Benchmark
  public void backwardPasses() {
    gradients.forward(answer.input());
    MemorySegment seed = gradients.seed(HookPoint.of(HookSite.LOGITS)).data();
    seed.setAtIndex(ValueLayout.JAVA_FLOAT, 0, 1);
    for (int i = 0; i < answer.length(); i++) {
      gradients.backward();
    }
  }

  /** Estimates all patches of the residual stream: two forward passes and one backward pass. */
  @Benchmark
  public ActivationPatching attributionPatching() {
    return attributionPatching(Lens.of(model));
  }

  /** Estimates all patches with fast gradients. */
  @Benchmark
  public ActivationPatching fastAttributionPatching() {
    return attributionPatching(Lens.of(model).fastGradients());
  }

  private ActivationPatching attributionPatching(Lens lens) {
    return AttributionPatching.of(
        lens, TextPair.of(prompt, corrupted, 1, 2), Site.RESID_PRE, Direction.DENOISING);
  }

  /** Frees all memory. */
  @TearDown
  public void close() {
    gradients.close();
    watched.close();
    recomputed.close();
    model.close();
  }
}
