package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileErrors;
import dev.vidrio.formats.file.JsonLine;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file of explanations in JSON Lines, to which a line is added for each result, so that an
 * interrupted work continues where it ended. The first line has the {@link Settings}; of several
 * lines of a feature, the last counts; a line that was not written to its end is ignored.
 */
public final class ExplanationFile {
  private final Path file;
  private final Settings settings;
  private final Map<Integer, FeatureExplanation> explanations = new LinkedHashMap<>();

  /** Bytes of the complete lines. */
  private long length;

  /**
   * The origin of the explanations.
   *
   * @param dictionary the name in the index
   * @param tokens the number of tokens of the index
   * @param explainer the name of the model that explains
   */
  public record Settings(
      String dictionary, long tokens, String explainer, ExplainOptions options) {}

  private ExplanationFile(Path file, Settings settings) {
    this.file = file;
    this.settings = settings;
  }

  /**
   * Reads a file; the result has no explanations if there is none.
   *
   * @throws ModelFileException if it is damaged
   */
  public static Map<Integer, FeatureExplanation> read(Path file) {
    ExplanationFile read = load(file);
    return read == null ? Map.of() : Collections.unmodifiableMap(read.explanations);
  }

  /**
   * Opens a file to add explanations, or creates it.
   *
   * @throws ModelFileException if it is damaged, or has explanations with other settings
   * @throws IOException if it cannot be written
   */
  public static ExplanationFile open(Path file, Settings settings) throws IOException {
    ExplanationFile read = load(file);
    if (read == null) {
      var created = new ExplanationFile(file, settings);
      // It may exist without a complete line.
      created.write(
          JsonLine.write(settings),
          StandardOpenOption.CREATE,
          StandardOpenOption.TRUNCATE_EXISTING);
      return created;
    }
    if (!read.settings.equals(settings)) {
      throw new ModelFileException(
          file.toString(),
          "settings",
          JsonLine.json(read.settings),
          "differ from those requested; delete the file to begin anew");
    }
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(read.length);
    } catch (IOException e) {
      throw FileErrors.named(file, e);
    }
    return read;
  }

  private static @Nullable ExplanationFile load(Path file) {
    byte[] content;
    try {
      content = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      return null;
    } catch (IOException e) {
      throw new ModelFileException(file.toString(), "", "", FileErrors.reason(e), e);
    }
    ExplanationFile loaded = null;
    int number = 1;
    int begin = 0;
    for (int end; (end = end(content, begin)) >= 0; begin = end + 1, number++) {
      byte[] line = Arrays.copyOfRange(content, begin, end);
      if (loaded == null) {
        loaded = new ExplanationFile(file, read(file, number, line, Settings.class));
      } else {
        FeatureExplanation next = read(file, number, line, FeatureExplanation.class);
        loaded.explanations.put(next.feature(), next);
      }
      loaded.length = end + 1L;
    }
    return loaded;
  }

  /** Returns the index of the next line end, or −1. */
  private static int end(byte[] content, int begin) {
    for (int i = begin; i < content.length; i++) {
      if (content[i] == '\n') {
        return i;
      }
    }
    return -1;
  }

  private static <T> T read(Path file, int number, byte[] line, Class<T> type) {
    return JsonLine.read(file, number, line, type, "explanations");
  }

  /** Returns the explanations, by feature. */
  public Map<Integer, FeatureExplanation> explanations() {
    return Collections.unmodifiableMap(explanations);
  }

  /**
   * Adds an explanation, or replaces that of its feature.
   *
   * @throws IOException if the file cannot be written
   */
  public void add(FeatureExplanation explanation) throws IOException {
    write(JsonLine.write(explanation), StandardOpenOption.APPEND);
    explanations.put(explanation.feature(), explanation);
  }

  private void write(byte[] line, StandardOpenOption... options) throws IOException {
    try {
      Files.write(file, line, options);
    } catch (IOException e) {
      throw FileErrors.named(file, e);
    }
  }
}
