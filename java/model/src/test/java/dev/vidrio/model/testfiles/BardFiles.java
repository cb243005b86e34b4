package dev.vidrio.model.testfiles;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The embedded model's files and its gold outputs, computed in double precision by others. */
public final class BardFiles {
  private BardFiles() {}

  /** The F32 model. */
  public static Path f32() {
    try {
      return Path.of(url("bard-f32.gguf").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The Q8_0 model, as it is embedded. */
  public static Path q8() {
    return Path.of("../bard/src/main/resources/dev/vidrio/bard/bard-q8_0.gguf");
  }

  /** Tokens, activations and logits of one text; {@code f32} or {@code q8_0}. */
  public static SafetensorsFile gold(String type) {
    try {
      return SafetensorsFile.read(url("bard-gold-" + type + ".safetensors").openStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Greedy continuation with the margin between the two best tokens at each step. */
  public static JsonNode greedy(String type) {
    try (InputStream in = url("bard-greedy-" + type + ".json").openStream()) {
      return JsonMapper.shared().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static URL url(String name) {
    URL url = BardFiles.class.getResource("/bard/" + name);
    if (url == null) {
      throw new IllegalStateException("no test resource bard/" + name);
    }
    return url;
  }
}
