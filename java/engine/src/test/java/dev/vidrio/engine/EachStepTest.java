package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.Batch;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.testfiles.WatchedExecutor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Cancels a request, drains and closes the engine at every point at which the scheduler runs a part
 * of a plan: in every chunk of the prompt, at every token, and before and after the search for the
 * top tokens. Nothing hangs, no block is left, and other requests keep their bits.
 */
@Timeout(120)
class EachStepTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  /** Calls an action before one run. */
  private static final class Interruptible extends WatchedExecutor {
    private int left;
    private @Nullable Runnable action;

    /** Sets the action before the run after a number of others. */
    synchronized void act(int runs, Runnable newAction) {
      left = runs;
      action = newAction;
    }

    synchronized boolean hasActed() {
      return left < 0;
    }

    @Override
    protected void onRun(Batch batch, int begin, int end) {
      Runnable now;
      synchronized (this) {
        now = left-- == 0 ? action : null;
      }
      if (now != null) {
        now.run();
      }
    }
  }

  /** The kinds of requests that are interrupted. */
  enum Kind {
    PLAIN,
    DRAFTED,
    FORKED,
    BEAMS;

    private List<TokenStream> submit(Engine engine) {
      GenerationRequest.Builder request = BardCase.request(engine.model(), 3, 40, 6).toBuilder();
      return switch (this) {
        case PLAIN -> engine.submit(request.build(), 1);
        case DRAFTED -> engine.submit(request.draftTokens(3).build(), 1);
        case FORKED -> engine.submit(request.build(), 3);
        case BEAMS -> engine.submit(request.beams(BeamOptions.of(3)).build(), 2);
      };
    }
  }

  private final Interruptible steps = new Interruptible();

  private Engine open(Model model) {
    return Engine.open(
        model,
        EngineOptions.DEFAULT
            .withAdaptiveDrafts(false)
            .withSequences(5)
            .withStepTokens(24)
            .withContext(128));
  }

  private static TokenStream submitOther(Engine engine) {
    return engine.submit(
        BardCase.request(engine.model(), 4, 50, 8).toBuilder().logProbabilities(3).build());
  }

  private static List<TokenLogProbability> bits(Engine engine) {
    return submitOther(engine).result().tokens();
  }

  private static void assertNothingLeft(Engine engine) {
    assertEquals(0, engine.status().usedBlocks(), () -> engine.status().toString());
    assertEquals(0, engine.status().running() + engine.status().waiting());
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void cancels(Kind kind) throws InterruptedException {
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> steps));
        Engine engine = open(model)) {
      List<TokenLogProbability> expected = bits(engine);
      int runs = 0;
      do {
        List<TokenStream> canceled = new ArrayList<>();
        var submitted = new CountDownLatch(1);
        steps.act(
            runs,
            () -> {
              await(submitted);
              canceled.forEach(TokenStream::cancel);
            });
        canceled.addAll(kind.submit(engine));
        TokenStream other = submitOther(engine);
        submitted.countDown();
        assertEquals(expected, other.result().tokens());
        for (TokenStream stream : canceled) {
          FinishReason reason = stream.result().result().finish();
          assertTrue(steps.hasActed() || reason == FinishReason.LENGTH, reason::toString);
        }
        runs++;
      } while (steps.hasActed());
      assertTrue(runs > 8, runs + " runs");
      assertTrue(engine.drain(LONG));
      assertNothingLeft(engine);
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void closes(Kind kind) {
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> steps))) {
      List<TokenLogProbability> expected;
      try (Engine engine = open(model)) {
        expected = bits(engine);
      }
      int runs = 0;
      do {
        Engine engine = open(model);
        steps.act(runs, engine::close);
        List<TokenStream> streams = new ArrayList<>(kind.submit(engine));
        try {
          streams.add(submitOther(engine));
        } catch (EngineException.Closed e) {
          assertTrue(steps.hasActed());
        }
        for (TokenStream stream : streams) {
          try {
            var _ = stream.result();
          } catch (EngineException.Closed e) {
            assertTrue(steps.hasActed());
          }
        }
        engine.close();
        assertNothingLeft(engine);
        runs++;
      } while (steps.hasActed());
      assertTrue(runs > 8, runs + " runs");
      try (Engine engine = open(model)) {
        assertEquals(expected, bits(engine));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void drains(Kind kind) throws InterruptedException {
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> steps))) {
      List<TokenLogProbability> expected;
      try (Engine engine = open(model)) {
        expected = bits(engine);
      }
      int runs = 0;
      do {
        try (Engine engine = open(model)) {
          var submitted = new CountDownLatch(1);
          steps.act(
              runs,
              () -> {
                await(submitted);
                assertDraining(engine);
              });
          List<TokenStream> streams = kind.submit(engine);
          TokenStream other = submitOther(engine);
          submitted.countDown();
          assertEquals(expected, other.result().tokens());
          for (TokenStream stream : streams) {
            assertEquals(FinishReason.LENGTH, stream.result().result().finish());
          }
          assertTrue(engine.drain(LONG));
          assertNothingLeft(engine);
        }
        runs++;
      } while (steps.hasActed());
      assertTrue(runs > 8, runs + " runs");
    }
  }

  /** Begins to drain, while requests run. */
  private static void assertDraining(Engine engine) {
    try {
      assertEquals(false, engine.drain(Duration.ZERO));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    assertThrows(EngineException.Closed.class, () -> submitOther(engine));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
