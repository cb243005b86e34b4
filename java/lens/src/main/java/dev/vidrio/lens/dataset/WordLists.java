package dev.vidrio.lens.dataset;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The words of a data set: sections {@code [name]} of lines; {@code #} begins a comment. Words are
 * separated by commas, pairs of words have a colon in between.
 */
final class WordLists {
  private final Map<String, List<String>> sections = new LinkedHashMap<>();

  /** Two words that belong together. */
  record Pair(String first, String second) {
    /** Returns the pair with the words exchanged. */
    Pair swapped() {
      return new Pair(second, first);
    }
  }

  /** Reads the lists of a resource of this package. */
  WordLists(String resource) {
    List<String> lines = new ArrayList<>();
    for (String line : text(resource).lines().toList()) {
      if (line.startsWith("[") && line.endsWith("]") && line.indexOf(' ') < 0) {
        lines = new ArrayList<>();
        sections.put(line.substring(1, line.length() - 1), lines);
      } else if (!line.isBlank() && !line.startsWith("#")) {
        lines.add(line);
      }
    }
  }

  private static String text(String resource) {
    try (InputStream in =
        Objects.requireNonNull(WordLists.class.getResourceAsStream(resource), resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the lines of a section. */
  List<String> lines(String section) {
    return Objects.requireNonNull(sections.get(section), section);
  }

  /** Returns the words of a section. */
  List<String> words(String section) {
    return split(section).toList();
  }

  private Stream<String> split(String section) {
    return lines(section).stream().flatMap(line -> Arrays.stream(line.split(", ")));
  }

  /** Returns the pairs of words of a section. */
  List<Pair> pairs(String section) {
    return split(section)
        .map(pair -> pair.split(": "))
        .map(words -> new Pair(words[0], words[1]))
        .toList();
  }
}
