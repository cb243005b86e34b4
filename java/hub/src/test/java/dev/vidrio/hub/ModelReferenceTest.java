package dev.vidrio.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import dev.vidrio.hub.source.HuggingFaceRepository;
import dev.vidrio.hub.source.HuggingFaceSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelReferenceTest {

  @ParameterizedTest
  @ValueSource(strings = {"./bard", "models/x", "/x", "x.gguf", "X.GGUF", "../smollm2", "a b.gguf"})
  void keepsPaths(String text) {
    assertEquals(new ModelReference.LocalFile(Path.of(text)), ModelReference.parse(text));
  }

  @Test
  void acceptsExistingFileWithoutSeparator() {
    // The working directory is the module's.
    assertEquals(new ModelReference.LocalFile(Path.of("pom.xml")), ModelReference.parse("pom.xml"));
  }

  @Test
  void resolvesCatalogNames() {
    ModelReference reference = ModelReference.parse("smollm2");
    assertEquals("smollm2", reference.toString());
    assertInstanceOf(ModelReference.Named.class, reference);
  }

  @ParameterizedTest
  @CsvSource({
    "hf:o/r/f.gguf,                  o, r,   main,      f.gguf",
    "hf:o/r.x/sub/f.gguf@v1.0,       o, r.x, v1.0,      sub/f.gguf",
    "hf:o/r/f.gguf@refs/pr/1,        o, r,   refs/pr/1, f.gguf",
  })
  void parsesHuggingFaceReferences(
      String text, String owner, String repo, String revision, String file) {
    HuggingFaceSource source = new HuggingFaceSource(owner, repo, revision, file);
    ModelReference reference = ModelReference.parse(text);
    assertEquals(new ModelReference.HuggingFace(source), reference);
    assertEquals(text, reference.toString());
  }

  @ParameterizedTest
  @CsvSource({
    "hf:o/r,                o, r,   main,      ",
    "hf:o/r.x:Q4_K_M,       o, r.x, main,      Q4_K_M",
    "hf:o/r:q8_0@v1.0,      o, r,   v1.0,      q8_0",
    "hf:o/r@refs/pr/1,      o, r,   refs/pr/1, ",
  })
  void parsesHuggingFaceRepositories(
      String text, String owner, String repo, String revision, @Nullable String quant) {
    var repository = new HuggingFaceRepository(owner, repo, revision, Optional.ofNullable(quant));
    ModelReference reference = ModelReference.parse(text);
    assertEquals(new ModelReference.HuggingFaceModel(repository), reference);
    assertEquals(text, reference.toString());
  }

  @Test
  void resolvesShortNames() {
    assertEquals("hf:Qwen/Qwen3-0.6B-GGUF:Q8_0", ModelReference.parse("qwen3-0.6b").toString());
  }

  @Test
  void omitsDefaultRevision() {
    assertEquals("hf:o/r/f.gguf", ModelReference.parse("hf:o/r/f.gguf@main").toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hf:",
        "hf:o",
        "hf:o/r/",
        "hf:/r/f.gguf",
        "hf:o//f.gguf",
        "hf:o/r/f",
        "hf:o/r/f.bin",
        "hf:o/r/../f.gguf",
        "hf:o/r/f.gguf@",
        "hf:o/r/f.gguf@../x",
        "hf:../r/f.gguf",
        "hf:o/r/f.gguf@x@y",
        "hf:o/r:",
        "hf:o/r:Q4 K",
        "hf:o/r:Q4_K_M@",
        "hf:o/r:a:b",
        "hf:o/:Q8_0",
        "hf:o/..:Q8_0"
      })
  void rejectsMalformedHuggingFaceReferences(String text) {
    assertThrows(InvalidInputException.class, () -> ModelReference.parse(text));
  }

  @ParameterizedTest
  @CsvSource({
    "smolm2, smollm2",
    "smollm, smollm2 or smollm3-3b or smollm2-360m or smollm2-1.7b",
    "SmolLM2, smollm2 or smollm2-360m or smollm2-1.7b",
    "smollm2-135m, smollm2-360m or smollm2-1.7b or smollm3-3b or smollm2",
    "llama, llama3.2-1b or llama3.2-3b or llama3.1-8b",
    "brad, bard",
    "Bard, bard",
  })
  void suggestsSimilarNames(String typed, String meant) {
    String message = rejection(typed);
    assertTrue(message.contains("did you mean " + meant + "?"), message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "zephyr", "x"})
  void listsNamesWithoutSuggestion(String typed) {
    String message = rejection(typed);
    assertFalse(message.contains("did you mean"), message);
    assertTrue(message.contains("bard, smollm2"), message);
    assertTrue(message.contains("hf:owner/repo/file.gguf"), message);
  }

  @Test
  void rejectsLongTextsWithoutSuggestion() {
    assertTrue(rejection("bard".repeat(100_000)).contains("available: "));
  }

  @Test
  void rejectsUrlsWithHint() {
    String message = rejection("https://huggingface.co/o/r/resolve/main/f.gguf");
    assertTrue(message.contains("hf:owner/repo/file.gguf"), message);
  }

  @Test
  void rejectsNulCharacter() {
    assertTrue(rejection("a\u0000b.gguf").contains("is not a path"));
  }

  @Test
  void countsEdits() {
    assertEquals(0, SimilarNames.distance("bard", "bard"));
    assertEquals(1, SimilarNames.distance("bard", "brad"));
    assertEquals(1, SimilarNames.distance("bard", "board"));
    assertEquals(3, SimilarNames.distance("kitten", "sitting"));
    assertEquals(4, SimilarNames.distance("", "bard"));
    assertEquals(List.of("bar", "bart"), SimilarNames.of("bar", List.of("bart", "foo", "bar")));
  }

  private static String rejection(String text) {
    return assertThrows(InvalidInputException.class, () -> ModelReference.parse(text)).limit();
  }
}
