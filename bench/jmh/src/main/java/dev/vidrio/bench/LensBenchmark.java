package dev.vidrio.bench;

import dev.vidrio.bard.Bard;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.ActivationCache;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** What it costs to watch: the same tokens with nothing kept, and with every hook point. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class LensBenchmark extends Protocol {
  private static final int PROMPT = 128;
  private static final int GENERATED = 64;

  /** A GGUF file, or the embedded model. */
  @Param("bard")
  public String file;

  private Model model;
  private Session plain;
  private LensSession watched;
  private Sequence plainSequence;
  private Sequence watchedSequence;
  private int[] prompt;
  private int[] generated;

  /** Opens a session that keeps nothing and one that keeps all, and compares their logits. */
  @Setup
  public void open() {
    model = file.equals("bard") ? bard() : Model.open(Path.of(file));
    var random = new SplittableRandom(1);
    int vocabulary = model.architecture().vocabulary();
    prompt = random.ints(PROMPT, 0, vocabulary).toArray();
    generated = random.ints(GENERATED, 0, vocabulary).toArray();
    var options = SessionOptions.DEFAULT.withContext(PROMPT + GENERATED);
    plain = model.newSession(options);
    plainSequence = plain.newSequence();
    plain.feed(plainSequence, prompt);
    watched = Lens.of(model).open(Capture.of("*"), options);
    watchedSequence = watched.newSequence();
    watched.feed(watchedSequence, prompt);
    if (generate().mismatch(generateWatched()) >= 0) {
      throw new IllegalStateException("watching changed the logits");
    }
  }

  private static Model bard() {
    try (InputStream in = Bard.open()) {
      return Model.read("bard", in, Bard.size(), ModelOptions.with(NativeExecutor::create));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Tokens one by one, after the prompt. */
  @Benchmark
  public MemorySegment generate() {
    plainSequence.truncate(PROMPT);
    MemorySegment logits = MemorySegment.NULL;
    for (int token : generated) {
      logits = plain.feed(plainSequence, token);
    }
    return logits;
  }

  /** The same, keeping every hook point. */
  @Benchmark
  public MemorySegment generateWatched() {
    watchedSequence.truncate(PROMPT);
    MemorySegment logits = MemorySegment.NULL;
    for (int token : generated) {
      logits = watched.feed(watchedSequence, token);
    }
    return logits;
  }

  /** A prompt, with a cache of every hook point, all of them computed. */
  @Benchmark
  public long cache() {
    try (ActivationCache cache = Lens.of(model).run(prompt, Capture.of("*"))) {
      return cache.points().stream().mapToLong(point -> cache.get(point).elements()).sum();
    }
  }

  /** Frees everything. */
  @TearDown
  public void close() {
    watched.close();
    model.close();
  }
}
