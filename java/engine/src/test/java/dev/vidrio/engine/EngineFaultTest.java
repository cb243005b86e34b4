package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.BardFiles;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What fails or is given up takes nothing else with it, and leaves nothing behind. */
@Timeout(300)
class EngineFaultTest {
  /** Requests that come and go; 100 000 take half a minute on two cores. */
  private static final int CHURN = Integer.getInteger("vidrio.churn", 10_000);

  /** Runs plans, but for steps that are to fail. */
  private static final class FailingExecutor implements Executor {
    final AtomicInteger stepsUntilFailure = new AtomicInteger(Integer.MAX_VALUE);
    private final Executor real = NativeExecutor.create();

    @Override
    public String name() {
      return real.name();
    }

    @Override
    public int workers() {
      return real.workers();
    }

    @Override
    public MemorySegment allocate(long bytes, Arena arena) {
      return real.allocate(bytes, arena);
    }

    @Override
    public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
      real.pack(type, n, k, source, packed);
    }

    @Override
    public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
      return new FailingPlan(real.prepare(plan, limits, cache), stepsUntilFailure);
    }

    @Override
    public void close() {
      real.close();
    }
  }

  private record FailingPlan(ExecutablePlan real, AtomicInteger stepsUntilFailure)
      implements ExecutablePlan {
    @Override
    public Plan plan() {
      return real.plan();
    }

    @Override
    public Limits limits() {
      return real.limits();
    }

    @Override
    public void run(Batch batch, int begin, int end) {
      if (stepsUntilFailure.getAndDecrement() == 0) {
        throw new OutOfMemoryError("made to fail");
      }
      real.run(batch, begin, end);
    }

    @Override
    public MemorySegment data(Buffer buffer) {
      return real.data(buffer);
    }

    @Override
    public void close() {
      real.close();
    }
  }

  private static GenerationRequest request(Model model, int seed, int length, int tokens) {
    int[] prompt = new Random(seed).ints(length, 0, model.architecture().vocabulary()).toArray();
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(tokens)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.GREEDY))
        .build();
  }

  @Test
  void aStepThatFailsFailsItsRequestsAlone() throws InterruptedException {
    var executor = new FailingExecutor();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        Engine engine = Engine.open(model)) {
      List<Integer> expected = engine.submit(request(model, 1, 100, 20)).result().result().tokens();
      for (int steps = 0; steps < 25; steps++) {
        executor.stepsUntilFailure.set(steps);
        TokenStream failing = engine.submit(request(model, 1, 100, 40));
        assertThrows(EngineException.StepFailed.class, failing::result);
        assertThrows(EngineException.StepFailed.class, () -> failing.forEach(token -> {}));
        assertEquals(
            expected, engine.submit(request(model, 1, 100, 20)).result().result().tokens());
      }
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  @Test
  void aStepThatFailsFailsASearch() throws InterruptedException {
    var executor = new FailingExecutor();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withStepTokens(32))) {
      GenerationRequest search =
          request(model, 1, 100, 20).toBuilder().beams(BeamOptions.of(4)).build();
      List<Integer> expected = engine.submit(search).result().result().tokens();
      for (int steps = 0; steps < 15; steps += 2) {
        executor.stepsUntilFailure.set(steps);
        for (TokenStream failing : engine.submit(search, 3)) {
          assertThrows(EngineException.StepFailed.class, failing::result);
        }
        assertEquals(expected, engine.submit(search).result().result().tokens());
      }
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  /** Readers that cancel, time out, forget to read, are interrupted or throw. */
  @Test
  void thousandsThatGiveUpLeaveNothing() throws Exception {
    try (Model model = Model.open(BardFiles.q8())) {
      int threadsBefore = engineThreads();
      try (Engine engine =
          Engine.open(model, EngineOptions.DEFAULT.withSequences(16).withQueue(CHURN))) {
        try (var readers = Executors.newFixedThreadPool(24, Thread.ofVirtual().factory())) {
          List<Future<?>> all = new ArrayList<>();
          for (int i = 0; i < CHURN; i++) {
            int seed = i;
            all.add(readers.submit(() -> giveUp(model, engine, new Random(seed))));
          }
          for (Future<?> each : all) {
            each.get();
          }
        }
        assertTrue(engine.drain(Duration.ofSeconds(60)));
        EngineStatus status = engine.status();
        assertEquals(0, status.running() + status.waiting());
        assertEquals(0, status.usedBlocks());
      }
      assertEquals(threadsBefore, engineThreads());
    }
  }

  private static int engineThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().startsWith("vidrio-engine"))
            .count();
  }

  private static void giveUp(Model model, Engine engine, Random random) {
    GenerationRequest request =
        request(model, random.nextInt(5), 1 + random.nextInt(150), 1 + random.nextInt(20));
    int kind = random.nextInt(6);
    if (kind == 0) {
      request =
          request.toBuilder().timeout(Duration.ofNanos(1 + random.nextInt(5_000_000))).build();
    }
    int answers = 1 + random.nextInt(3);
    if (random.nextInt(8) == 0) {
      request = request.toBuilder().beams(BeamOptions.of(answers + random.nextInt(3))).build();
    }
    List<TokenStream> streams = engine.submit(request, answers);
    for (TokenStream stream : streams) {
      giveUp(stream, kind, random.nextInt(10));
    }
  }

  private static void giveUp(TokenStream stream, int kind, int after) {
    switch (kind) {
      case 1 -> stream.cancel();
      case 2 -> {
        int read = 0;
        for (GeneratedToken token : stream) {
          if (read++ == after) {
            stream.close();
          }
          assertTrue(token.id() >= -1);
        }
      }
      case 3 -> {
        CompletableFuture<Completion> end =
            stream.onToken(
                token -> {
                  throw new IllegalStateException("the reader fails");
                });
        assertThrows(ExecutionException.class, end::get);
      }
      case 4 -> stream.subscribe(new Impatient(after));
      default -> {
        Finish finish = stream.result().result().finish();
        assertTrue(finish == Finish.LENGTH || finish == Finish.TIMEOUT);
      }
    }
  }

  /** Cancels its subscription after some tokens. */
  private static final class Impatient implements Flow.Subscriber<GeneratedToken> {
    private int left;
    private Flow.@org.jspecify.annotations.Nullable Subscription subscription;

    Impatient(int tokens) {
      this.left = tokens;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = given;
      given.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(GeneratedToken token) {
      if (left-- == 0 && subscription != null) {
        subscription.cancel();
      }
    }

    @Override
    public void onError(Throwable e) {
      throw new AssertionError(e);
    }

    @Override
    public void onComplete() {
      assertFalse(left < -1);
    }
  }

  /** A canceled request has its last step when it is canceled. */
  @Test
  void cancellingFreesWithinAStep() throws InterruptedException {
    List<Integer> sequences = new ArrayList<>();
    var listener =
        new EngineListener() {
          @Override
          public void onStep(int tokens, int count, Duration duration) {
            sequences.add(count);
          }
        };
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withListener(listener))) {
      TokenStream stream = engine.submit(request(model, 1, 10, 900));
      long steps = 0;
      for (GeneratedToken token : stream) {
        if (token.id() >= 0 && stream.isCanceled()) {
          steps++;
        }
        stream.cancel();
      }
      long generated = stream.result().result().tokens().size();
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      // Tokens that came before the cancellation may be read after it; steps do not run after it.
      assertTrue(steps < generated && sequences.size() <= generated + 1);
      assertEquals(0, engine.status().usedBlocks());
    }
  }
}
