package dev.vidrio.engine.draft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.SamplingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Draft models whose embeddings are more or fewer than the model's, as in families of models. */
@Timeout(120)
class DraftModelTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"3, 60", "60, 3", "60, 0", "0, 0"})
  void unusedTokensMayDiffer(int unused, int draftUnused) throws IOException {
    int last = TinyModel.VOCABULARY + unused - 1;
    // A token that the draft model lacks, in the midst of the prompt.
    int[] prompt = {7, 8, last, 9, 10};
    GenerationRequest request =
        GenerationRequest.builder(prompt)
            .options(
                GenerationOptions.DEFAULT
                    .withTokens(60)
                    .withIgnoreEnd(true)
                    .withSampling(SamplingOptions.GREEDY))
            .draftTokens(4)
            .build();
    try (Model model = open("model", TinyModel.withUnused(unused));
        Model draft = open("draft", TinyModel.withUnused(draftUnused));
        Engine alone = Engine.open(model);
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDraft(draft))) {
      assertEquals(
          alone.submit(request.toBuilder().draftTokens(0).build()).result().result().tokens(),
          engine.submit(request).result().result().tokens());
      assertTrue(engine.status().acceptedTokens() > 0, engine.status().toString());
    }
  }

  @Test
  void otherTokensAreRefused() throws IOException {
    GgufWriter more =
        TinyModel.withUserDefined(TinyModel.writer(TinyModel.Options.standard()), "more");
    try (Model model = open("model", TinyModel.withUnused(1));
        Model draft = open("draft", more)) {
      var e =
          assertThrows(
              InvalidInputException.class,
              () -> Engine.open(model, EngineOptions.DEFAULT.withDraft(draft)));
      assertEquals(
          "draft model " + draft.name() + ": must have the tokens of " + model.name(),
          e.getMessage());
    }
  }

  /** Texts that are longer than the draft model's context are guessed no more. */
  @Test
  void guessesEndWithTheContextOfTheDraftModel() throws IOException {
    long context = 128;
    int[] prompt = IntStream.range(0, 100).map(i -> 3 + i % 50).toArray();
    GenerationRequest request =
        GenerationRequest.builder(prompt)
            .options(
                GenerationOptions.DEFAULT
                    .withTokens(300)
                    .withIgnoreEnd(true)
                    .withSampling(SamplingOptions.GREEDY))
            .draftTokens(4)
            .build();
    GgufWriter longer = TinyModel.withUnused(0).uint32("llama.context_length", 8 * context);
    GgufWriter shorter = TinyModel.withUnused(0).uint32("llama.context_length", context);
    try (Model model = open("model", longer);
        Model draft = open("draft", shorter);
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDraft(draft))) {
      assertEquals(300, engine.submit(request).result().result().tokens().size());
      long guessed = engine.status().draftTokens();
      // At most four for each token up to the context.
      assertTrue(0 < guessed && guessed <= 4 * (context - prompt.length), "guessed " + guessed);
    }
  }

  private Model open(String name, GgufWriter writer) throws IOException {
    return Model.open(Files.write(directory.resolve(name + ".gguf"), writer.toBytes()));
  }
}
