package dev.vidrio.langchain4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.testfiles.PromptedEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** LangChain4j's tests of every {@link EmbeddingModel}, and that its vectors are the model's. */
class VidrioEmbeddingModelTest extends AbstractEmbeddingModelIT {
  private static Model model;

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** Returns new models, since parameterized tests close them. */
  @Override
  protected List<EmbeddingModel> models() {
    return List.of(VidrioEmbeddingModel.builder().model(model).build());
  }

  @Override
  protected EmbeddingModel modelWith(EmbeddingModelListener listener) {
    return VidrioEmbeddingModel.builder().model(model).listeners(List.of(listener)).build();
  }

  /** Returns a closed model. */
  @Override
  protected EmbeddingModel failingModelWith(EmbeddingModelListener listener) {
    VidrioEmbeddingModel closed =
        VidrioEmbeddingModel.builder()
            .modelPath(BardFiles.q8())
            .listeners(List.of(listener))
            .build();
    closed.close();
    return closed;
  }

  @Override
  protected boolean supportsInputTypeParameter() {
    return false;
  }

  @Override
  protected boolean supportsDimensionsParameter() {
    return true;
  }

  @Override
  protected boolean supportsImageInput() {
    return false;
  }

  @Test
  void vectorsEqualThoseOfTheModel() {
    List<String> texts = List.of("To be, or not to be", "Enter Hamlet");
    List<int[]> tokens = texts.stream().map(text -> model.tokenizer().encode(text)).toList();
    List<float[]> expected = Embeddings.of(model, tokens, Pooling.LAST, false, done -> {});
    try (var last =
        VidrioEmbeddingModel.builder()
            .model(model)
            .pooling(Pooling.LAST)
            .normalize(false)
            .build()) {
      List<Embedding> actual =
          last.embedAll(texts.stream().map(TextSegment::from).toList()).content();
      for (int i = 0; i < texts.size(); i++) {
        assertArrayEquals(expected.get(i), actual.get(i).vector());
      }
      assertEquals(expected.getFirst().length, last.dimension());
    }
  }

  @Test
  void rejectsTooLongTexts() {
    String text = "word ".repeat(model.architecture().contextLength());
    try (var embedding = VidrioEmbeddingModel.builder().model(model).build()) {
      assertThrows(InvalidRequestException.class, () -> embedding.embed(text));
    }
  }

  @Test
  void requiresOneModel() {
    var none = VidrioEmbeddingModel.builder();
    assertThrows(InvalidInputException.class, none::build);
    var two = VidrioEmbeddingModel.builder().model(model).modelPath(BardFiles.q8());
    assertThrows(InvalidInputException.class, two::build);
  }

  @Test
  void inputTypeSelectsThePromptOfTheModel(@TempDir Path directory) throws IOException {
    Path file = PromptedEncoder.write(directory);
    try (VidrioEmbeddingModel prompted = VidrioEmbeddingModel.builder().modelPath(file).build()) {
      assertTrue(prompted.supportedParameters().contains(EmbeddingRequestParameters.INPUT_TYPE));
      float[] plain = prompted.embed("abc").content().vector();
      float[] query = prompted.embed(PromptedEncoder.QUERY + "abc").content().vector();
      assertArrayEquals(query, vector(prompted, EmbeddingInputType.QUERY));
      assertArrayEquals(plain, vector(prompted, EmbeddingInputType.DOCUMENT));
    }
  }

  private static float[] vector(EmbeddingModel model, EmbeddingInputType type) {
    EmbeddingRequest request =
        EmbeddingRequest.builder().inputs(EmbeddingInput.from("abc")).inputType(type).build();
    return model.embed(request).embeddings().getFirst().vector();
  }
}
