package dev.vidrio.engine.request;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.BeamOptions.Stopping;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/** Compares beams with those of transformers; generate.py wrote the fixture. */
@Timeout(120)
class BeamSearchGoldTest {
  /** Tolerance of log-probabilities over 16 tokens, times 16 for a penalty of −1. */
  private static final double TOLERANCE = 1e-3;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvFileSource(
      files = "src/test/resources/dev/vidrio/engine/text/beams/expected.csv",
      numLinesToSkip = 1)
  void matchesTransformers(
      String name,
      String prompt,
      int tokens,
      String ends,
      int width,
      double lengthPenalty,
      String earlyStopping,
      String answers)
      throws IOException {
    GenerationRequest request =
        GenerationRequest.builder(ids(prompt).toArray())
            .options(
                GenerationOptions.DEFAULT
                    .withTokens(tokens)
                    .withIgnoreEnd(true)
                    .withSampling(SamplingOptions.GREEDY))
            .stopTokens(ids(ends).boxed().collect(Collectors.toSet()))
            .beams(new BeamOptions(width, lengthPenalty, stopping(earlyStopping)))
            .build();
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    try (Model model = Model.open(file);
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withKvType(KvType.F32))) {
      List<TokenStream> actual = engine.submit(request, width);
      String[] expected = answers.split("; ", -1);
      for (int i = 0; i < width; i++) {
        String[] scoreAndIds = expected[i].split(" ", 2);
        Completion answer = actual.get(i).result();
        assertEquals(
            ids(scoreAndIds.length == 1 ? "" : scoreAndIds[1]).boxed().toList(),
            answer.result().tokens());
        assertEquals(
            Double.parseDouble(scoreAndIds[0]), Objects.requireNonNull(answer.score()), TOLERANCE);
      }
    }
  }

  private static IntStream ids(String text) {
    return Arrays.stream(text.split(" ", -1))
        .filter(id -> !id.isEmpty())
        .mapToInt(Integer::parseInt);
  }

  private static Stopping stopping(String early) {
    return switch (early) {
      case "True" -> Stopping.FIRST;
      case "False" -> Stopping.HEURISTIC;
      case "never" -> Stopping.EXACT;
      default -> throw new IllegalArgumentException(early);
    };
  }
}
