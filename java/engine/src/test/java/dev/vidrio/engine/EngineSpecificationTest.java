package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Holds the scheduler, the prefix cache and the blocks and slots of the key-value cache against a
 * specification: the answer to a prompt is {@link HashingExecutor#answer}, whatever else runs.
 * Random traffic with shared prefixes meets caches that are too small for it. Requests are
 * submitted, canceled and failed, and the engine is closed, between chosen steps on the scheduler's
 * thread.
 */
@Timeout(300)
class EngineSpecificationTest {
  private static final int SEEDS = Boolean.getBoolean("vidrio.test.exhaustive") ? 200 : 40;
  private static final int REQUESTS = 60;
  private static final int MAX_PROMPT = 220;
  private static final int MAX_ANSWER = 40;

  private static final int MIN_BLOCKS = KvCache.blocksFor(MAX_PROMPT + MAX_ANSWER);

  /** The blocks that a search with two beams may need. */
  private static final int BEAM_BLOCKS = 8;

  @TempDir Path directory;

  /** The traffic of a seed. */
  private static final class Traffic extends HashingExecutor {
    private final Random random;
    private final List<Submitted> submitted = new CopyOnWriteArrayList<>();
    private final List<int[]> texts;
    private final boolean fails;
    private final boolean closes;
    private @Nullable Engine engine;
    private int left = REQUESTS;
    private int failed;
    private boolean closed;

    Traffic(long seed) {
      random = new Random(seed);
      texts = IntStream.range(0, 3).mapToObj(i -> tokens(MAX_PROMPT)).toList();
      fails = random.nextInt(4) == 0;
      closes = random.nextInt(4) == 0;
    }

    private int[] tokens(int count) {
      return random.ints(count, FIRST_TOKEN, FIRST_TOKEN + TOKENS).toArray();
    }

    EngineOptions options(Model model) {
      EngineOptions options = EngineOptions.DEFAULT.withKvType(KvType.F32);
      long block = KvCache.bytes(model.architecture().kvShape(), options.kvType(), 1);
      int sequences = 1 + random.nextInt(5);
      return options
          .withSequences(sequences)
          .withQueue(10 * REQUESTS)
          .withStepTokens(8 + random.nextInt(120))
          .withContext(MAX_PROMPT + MAX_ANSWER)
          .withCacheBytes((MIN_BLOCKS + random.nextInt(8)) * block)
          .withPrefixCache(random.nextInt(5) > 0);
    }

    /** Submits the first request; the others are submitted between steps. */
    synchronized void begin(Engine opened) {
      engine = opened;
      submit(opened, 1);
    }

    private void submit(Engine to, int count) {
      for (int i = 0; i < count && left > 0; i++, left--) {
        submitted.add(submit(to));
      }
    }

    private Submitted submit(Engine to) {
      int[] text = texts.get(random.nextInt(texts.size()));
      int length = 1 + random.nextInt(MAX_ANSWER);
      int common = random.nextInt(Math.min(MAX_PROMPT, to.positions() - length) - 4);
      int[] prompt =
          IntStream.concat(IntStream.of(text).limit(common), IntStream.of(tokens(4))).toArray();
      GenerationRequest.Builder request =
          GenerationRequest.builder(prompt)
              .options(
                  GenerationOptions.DEFAULT
                      .withTokens(length)
                      .withIgnoreEnd(true)
                      .withSampling(SamplingOptions.GREEDY))
              .priority(random.nextInt(3))
              .cacheSalt(random.nextInt(6) == 0 ? "other" : "")
              .draftTokens(random.nextInt(4));
      if (random.nextInt(8) == 0) {
        request.promptLogProbabilities(0);
      }
      int max = to.options().sequences();
      boolean beams = max > 1 && to.status().blocks() >= BEAM_BLOCKS && random.nextInt(8) == 0;
      if (beams) {
        request.draftTokens(0).beams(BeamOptions.of(2));
      }
      int answers = random.nextInt(3) == 0 ? 1 + random.nextInt(beams ? 2 : max) : 1;
      return new Submitted(answer(prompt, length), beams, to.submit(request.build(), answers));
    }

    @Override
    protected synchronized void onRun(Batch batch, int begin, int end) {
      Engine running = engine;
      if (running == null || closed) {
        return;
      }
      switch (random.nextInt(24)) {
        case 0, 1, 2, 3 -> submit(running, 1);
        case 4 -> submit(running, 4);
        case 5 -> {
          List<TokenStream> streams = submitted.get(random.nextInt(submitted.size())).streams;
          streams.get(random.nextInt(streams.size())).cancel();
        }
        case 6 -> {
          if (fails) {
            failed++;
            throw new IllegalStateException("made to fail");
          }
        }
        case 7 -> {
          if (closes && left == 0) {
            closed = true;
            running.close();
          }
        }
        default -> {}
      }
    }

    /** Waits for all answers and checks them. */
    void check() {
      for (int i = 0; i < submitted.size(); i++) { // it grows
        for (TokenStream stream : submitted.get(i).streams) {
          try {
            check(submitted.get(i), stream.result().result());
          } catch (EngineException.StepFailed e) {
            assertTrue(failed > 0, e::toString);
          }
        }
      }
    }

    private static void check(Submitted each, GenerationResult result) {
      boolean canceled = result.finish() == FinishReason.CANCELED;
      assertTrue(canceled || result.finish() == FinishReason.LENGTH, result::toString);
      int count = result.tokens().size();
      assertTrue(canceled || count == each.answer.size(), result::toString);
      if (!each.beams) {
        assertEquals(each.answer.subList(0, count), result.tokens());
      }
    }
  }

  /**
   * A request.
   *
   * @param answer the greedy answer to its prompt
   * @param beams true if it searches with beams, for which there is no specification
   * @param streams the streams of its answers
   */
  private record Submitted(List<Integer> answer, boolean beams, List<TokenStream> streams) {}

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35"})
  void answersFollowFromPrompts(String name) throws IOException, InterruptedException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), name);
    long preemptions = 0;
    long cached = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      var traffic = new Traffic(seed);
      try (Model model = Model.open(file, ModelOptions.with(() -> traffic));
          Engine engine = Engine.open(model, traffic.options(model))) {
        traffic.begin(engine);
        traffic.check();
        assertNothingIsLeft(engine);
        preemptions += engine.status().preemptions();
        cached += engine.status().cachedTokens();
      } catch (Throwable e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
    assertTrue(preemptions > 0, preemptions + " preemptions");
    assertTrue(cached > 100L * SEEDS, cached + " cached tokens");
  }

  /** Drains and closes an engine. */
  private static void assertNothingIsLeft(Engine engine) throws InterruptedException {
    assertTrue(engine.drain(Duration.ofMinutes(1)));
    EngineStatus drained = engine.status();
    assertEquals(0, drained.usedBlocks() + drained.usedSlots(), drained::toString);
    engine.close();
    EngineStatus closed = engine.status();
    assertEquals(0, closed.cachedBlocks() + closed.cachedSlots(), closed::toString);
  }
}
