package dev.vidrio.engine.request;

import dev.vidrio.engine.BardCase;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import java.util.Objects;

/** The base of beam search tests with the bard model. */
abstract class BeamCase extends BardCase {
  static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT
          .withTokens(12)
          .withIgnoreEnd(true)
          .withSampling(SamplingOptions.GREEDY);

  static GenerationRequest request(int seed, int length, BeamOptions beams) {
    return GenerationRequest.builder(prompt(seed, length))
        .options(OPTIONS)
        .logProbabilities(2)
        .beams(beams)
        .build();
  }

  static List<Completion> results(List<TokenStream> streams) {
    return streams.stream().map(TokenStream::result).toList();
  }

  static double score(Completion completion) {
    return Objects.requireNonNull(completion.score());
  }
}
