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
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
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

/** Tests draft models with more or fewer embeddings than the model, as in model families. */
@Timeout(120)
class DraftModelTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"3, 60", "60, 3", "60, 0", "0, 0"})
  void acceptsDifferentUnusedTokens(int unused, int draftUnused) throws IOException {
    int last = TinyModel.VOCABULARY + unused - 1;
    // The prompt contains a token that the draft model lacks.
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
        Engine engine =
            Engine.open(model, EngineOptions.DEFAULT.withDraft(draft).withAdaptiveDrafts(false))) {
      assertEquals(
          alone.submit(request.toBuilder().draftTokens(0).build()).result().result().tokens(),
          engine.submit(request).result().result().tokens());
      assertTrue(engine.status().acceptedTokens() > 0, engine.status().toString());
    }
  }

  @Test
  void rejectsDifferentTokens() throws IOException {
    GgufWriter more =
        TinyModel.withUserDefined(TinyModel.writer(TinyModel.Options.standard()), "more");
    try (Model model = open("model", TinyModel.withUnused(1));
        Model draft = open("draft", more)) {
      var e =
          assertThrows(
              InvalidInputException.class,
              () ->
                  Engine.open(
                      model, EngineOptions.DEFAULT.withDraft(draft).withAdaptiveDrafts(false)));
      assertEquals(
          "draft model " + draft.name() + ": must have the same tokens as " + model.name(),
          e.getMessage());
    }
  }

  /** Sequences longer than the draft model's context have no drafts. */
  @Test
  void draftsEndAtTheContextOfTheDraftModel() throws IOException {
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
        Engine engine =
            Engine.open(model, EngineOptions.DEFAULT.withDraft(draft).withAdaptiveDrafts(false))) {
      assertEquals(300, engine.submit(request).result().result().tokens().size());
      long guessed = engine.status().draftTokens();
      // At most four draft tokens for each token up to the context.
      assertTrue(0 < guessed && guessed <= 4 * (context - prompt.length), "guessed " + guessed);
    }
  }

  private Model open(String name, GgufWriter writer) throws IOException {
    return Model.open(Files.write(directory.resolve(name + ".gguf"), writer.toBytes()));
  }
}
