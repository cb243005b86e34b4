package dev.vidrio.spring;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.Matryoshka;
import io.micrometer.common.KeyValue;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.EmbeddingOptions;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.ai.embedding.EmbeddingResponse;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationContext;

/** Vectors equal those of the model, in order. */
class VidrioEmbeddingModelTest {
  private static final List<String> TEXTS = List.of("To be, or not to be", "Enter Hamlet");

  @Test
  void vectorsEqualThoseOfTheModel() {
    try (Model model = Model.open(BardFiles.q8());
        var engine = new EmbeddingEngine(model, Pooling.MEAN, true)) {
      var embedding = new VidrioEmbeddingModel(engine);
      List<int[]> tokens = TEXTS.stream().map(text -> model.tokenizer().encode(text)).toList();
      List<float[]> expected = Embeddings.of(model, tokens, Pooling.MEAN, true, done -> {});
      EmbeddingResponse response = embedding.embedForResponse(TEXTS);
      for (int i = 0; i < TEXTS.size(); i++) {
        assertArrayEquals(expected.get(i), response.getResults().get(i).getOutput());
        assertEquals(i, response.getResults().get(i).getIndex());
        assertArrayEquals(expected.get(i), embedding.embed(new Document(TEXTS.get(i))));
      }
      assertEquals(expected.getFirst().length, embedding.dimensions());
      assertEquals(
          tokens.get(0).length + tokens.get(1).length,
          response.getMetadata().getUsage().getPromptTokens());
    }
  }

  @Test
  void rejectsOtherModelsAndDimensions() {
    try (Model model = Model.open(BardFiles.q8());
        var engine = new EmbeddingEngine(model, Pooling.MEAN, true)) {
      var embedding = new VidrioEmbeddingModel(engine);
      for (EmbeddingOptions options :
          List.of(
              EmbeddingOptions.builder().model("other").build(),
              EmbeddingOptions.builder().dimensions(100_000).build())) {
        var request = new EmbeddingRequest(TEXTS, options);
        assertThrows(InvalidInputException.class, () -> embedding.call(request));
      }
    }
  }

  @Test
  void shortensVectors() {
    try (Model model = Model.open(BardFiles.q8());
        var engine = new EmbeddingEngine(model, Pooling.MEAN, true)) {
      var embedding = new VidrioEmbeddingModel(engine);
      EmbeddingOptions options = EmbeddingOptions.builder().dimensions(3).build();
      float[] vector = embedding.call(new EmbeddingRequest(TEXTS, options)).getResult().getOutput();
      float[] whole = embedding.embed(TEXTS.getFirst());
      assertArrayEquals(Matryoshka.shorten(whole, 3, true), vector);
    }
  }

  @Test
  void observesCalls() {
    List<EmbeddingModelObservationContext> observed = new ArrayList<>();
    ObservationRegistry observations = ObservationRegistry.create();
    observations
        .observationConfig()
        .observationHandler(
            new ObservationHandler<EmbeddingModelObservationContext>() {
              @Override
              public boolean supportsContext(Observation.Context context) {
                return context instanceof EmbeddingModelObservationContext;
              }

              @Override
              public void onStop(EmbeddingModelObservationContext context) {
                observed.add(context);
              }
            });
    try (Model model = Model.open(BardFiles.q8());
        var engine = new EmbeddingEngine(model, Pooling.MEAN, true)) {
      var embedding = new VidrioEmbeddingModel(engine, observations);
      EmbeddingResponse response = embedding.embedForResponse(TEXTS);
      var long8k = List.of("word ".repeat(1 << 13));
      assertThrows(InvalidInputException.class, () -> embedding.embedForResponse(long8k));
      assertEquals(2, observed.size());
      EmbeddingModelObservationContext first = observed.getFirst();
      assertSame(response, first.getResponse());
      assertEquals(
          KeyValue.of("gen_ai.request.model", String.valueOf(BardFiles.q8().getFileName())),
          first.getLowCardinalityKeyValue("gen_ai.request.model"));
      assertInstanceOf(InvalidInputException.class, observed.getLast().getError());
    }
  }
}
