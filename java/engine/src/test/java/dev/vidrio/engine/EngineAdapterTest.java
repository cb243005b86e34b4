package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests requests with different adapters in one batch. */
@Timeout(120)
class EngineAdapterTest {
  private static final int PROMPT = 70;
  private static final int TOKENS = 20;

  @TempDir Path directory;

  private static GenerationRequest request(@Nullable Adaptation adaptation) {
    int[] prompt = new Random(5).ints(PROMPT, 0, TinyModel.VOCABULARY).toArray();
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.GREEDY))
        .adaptation(adaptation)
        .build();
  }

  private static List<Integer> alone(Model model, @Nullable Adaptation adaptation) {
    List<Integer> tokens = new ArrayList<>();
    try (Session session = model.newSession(SessionOptions.DEFAULT.withAdapters(1))) {
      Sequence sequence = session.newSequence();
      sequence.adapt(adaptation);
      session.feed(sequence, request(null).prompt());
      for (int i = 0; i < TOKENS; i++) {
        int next = session.candidates().id(0);
        tokens.add(next);
        session.feed(sequence, next);
      }
    }
    return tokens;
  }

  @Test
  void requestsUseTheirOwnAdapters() throws IOException, InterruptedException {
    Path file =
        TinyModel.write(
            directory.resolve("tiny.gguf"),
            TinyModel.Options.standard().withType(GgmlType.F32).withBiases(true));
    try (Model model = Model.open(file);
        Adapter first =
            model.openAdapter(TinyAdapter.write(directory.resolve("one.gguf"), 4, 8, 1));
        Adapter second =
            model.openAdapter(TinyAdapter.write(directory.resolve("two.gguf"), 9, 6, 2));
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withAdapters(1))) {
      List<@Nullable Adaptation> adaptations = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        adaptations.add(new Adaptation(first, 1));
        adaptations.add(null);
        adaptations.add(new Adaptation(second, 1));
        adaptations.add(new Adaptation(first, 3));
      }
      List<TokenStream> streams = new ArrayList<>();
      for (Adaptation adaptation : adaptations) {
        streams.add(engine.submit(request(adaptation)));
      }
      for (int i = 0; i < streams.size(); i++) {
        assertEquals(
            alone(model, adaptations.get(i)), streams.get(i).result().result().tokens(), "" + i);
      }
      assertNotEquals(alone(model, null), alone(model, adaptations.getLast()));
      // One beam is greedy; the best of four is no worse here.
      GenerationRequest adapted = request(adaptations.getLast());
      Completion one = beams(engine, adapted, 1);
      assertEquals(alone(model, adaptations.getLast()), one.result().tokens());
      assertTrue(score(one) <= score(beams(engine, adapted, 4)));
      // Blocks are shared only for an equal adapter and strength.
      assertEquals(64, engine.submit(request(adaptations.getFirst())).result().cachedTokens());
      assertEquals(0, engine.submit(request(new Adaptation(first, 2))).result().cachedTokens());
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  private static Completion beams(Engine engine, GenerationRequest request, int width) {
    return engine.submit(request.toBuilder().beams(BeamOptions.of(width)).build()).result();
  }

  private static double score(Completion completion) {
    return Objects.requireNonNull(completion.score());
  }

  @Test
  void rejectsAdaptersIfOpenedWithoutThem() throws IOException {
    Path file = TinyModel.write(directory.resolve("tiny.gguf"), TinyModel.Options.standard());
    try (Model model = Model.open(file);
        Adapter adapter =
            model.openAdapter(TinyAdapter.write(directory.resolve("one.gguf"), 4, 8, 1));
        Engine engine = Engine.open(model)) {
      var e =
          assertThrows(
              InvalidInputException.class,
              () -> engine.submit(request(new Adaptation(adapter, 1))));
      assertTrue(
          e.getMessage().endsWith(": the engine was opened without adapters"), e.getMessage());
    }
  }
}
