package dev.vidrio.bard;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.charset.StandardCharsets;

/**
 * The embedded model: 3.7 million parameters trained on the works of Shakespeare, with Q8_0
 * weights, as a class path resource.
 *
 * <p>It generates text without any download, and gives tests a model with real structure. The
 * methods are thread-safe.
 */
public final class Bard {
  private static final String MODEL = "bard-q8_0.gguf";
  private static final String CARD = "bard.md";

  private Bard() {}

  /**
   * Opens the model file.
   *
   * @return the bytes of a GGUF file, to be closed by the caller
   */
  public static InputStream open() {
    return resource(MODEL);
  }

  /** Returns the size of the model file in bytes. */
  public static long size() {
    try {
      return url(MODEL).openConnection().getContentLengthLong();
    } catch (IOException e) {
      throw new UncheckedIOException("the size of " + MODEL + " cannot be read", e);
    }
  }

  /**
   * Returns the model card: description, training data, training procedure and license.
   *
   * @return the card, in Markdown
   */
  public static String card() {
    try (InputStream card = resource(CARD)) {
      return new String(card.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the resource " + CARD + " of dev.vidrio.bard cannot be read", e);
    }
  }

  private static InputStream resource(String name) {
    try {
      return url(name).openStream();
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the resource " + name + " of dev.vidrio.bard cannot be read", e);
    }
  }

  private static URL url(String name) {
    URL url = Bard.class.getResource(name);
    if (url == null) {
      throw new IllegalStateException(
          "the resource " + name + " is missing from dev.vidrio.bard: the artifact is incomplete");
    }
    return url;
  }
}
