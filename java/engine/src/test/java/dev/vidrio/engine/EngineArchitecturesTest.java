package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tests that the bits of an answer equal those alone in every architecture: with others that share
 * a prefix, after a prefix-cache hit, with drafts, and with too little memory for all requests.
 */
@Timeout(60)
class EngineArchitecturesTest {
  private static final int SHARED = 70;
  private static final int OWN = 10;
  private static final int TOKENS = 30;
  private static final int OTHERS = 5;

  @TempDir Path directory;

  /** Returns prompts with a common prefix, as far as the context is long enough. */
  private static GenerationRequest request(Model model, int seed) {
    int vocabulary = model.architecture().vocabulary();
    int room = model.architecture().contextLength() - TOKENS - OWN;
    IntStream shared = new Random(0).ints(Math.min(SHARED, room), 0, vocabulary);
    IntStream own = new Random(seed).ints(OWN, 0, vocabulary);
    return GenerationRequest.builder(IntStream.concat(shared, own).toArray())
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.builder().temperature(1).seed(seed).build()))
        .logProbabilities(3)
        .build();
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void bitsAreIndependentOfOtherRequests(String name) throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      GenerationRequest request = request(model, 1);
      List<TokenLogProbability> alone;
      try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withPrefixCache(false))) {
        alone = engine.submit(request).result().tokens();
      }
      assertEquals(TOKENS, alone.size());
      long block = KvCache.bytes(model.architecture().kvShape(), EngineOptions.DEFAULT.kvType(), 1);
      long states = 2 * model.architecture().kvShape().bytesPerSequence(); // or no block is left
      for (int blocks : new int[] {4, 4 * OTHERS}) {
        long bytes = blocks * block + states;
        try (Engine engine =
            Engine.open(
                model, EngineOptions.DEFAULT.withCacheBytes(bytes).withAdaptiveDrafts(false))) {
          List<TokenStream> others =
              IntStream.range(2, 2 + OTHERS)
                  .mapToObj(i -> engine.submit(request(model, i)))
                  .toList();
          assertEquals(alone, engine.submit(request).result().tokens(), "among others");
          others.forEach(TokenStream::result);
          Completion again = engine.submit(request.toBuilder().draftTokens(4).build()).result();
          assertEquals(alone, again.tokens(), "after a hit, with guesses");
          int whole = request.prompt().length / KvCache.BLOCK * KvCache.BLOCK;
          // With little memory, running requests need the slots of checkpoints.
          boolean gone = again.cachedTokens() == 0 && model.architecture().kvShape().hasStates();
          assertTrue(gone || again.cachedTokens() == whole, again.cachedTokens() + " tokens");
        }
      }
    }
  }
}
