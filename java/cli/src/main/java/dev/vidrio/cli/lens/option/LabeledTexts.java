package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Texts and their classes, from a file with a line {@code CLASS<TAB>TEXT} for each.
 *
 * @param classes the names of the classes, in order of occurrence
 * @param labels the class of each text
 * @param texts the texts
 */
public record LabeledTexts(List<String> classes, List<Integer> labels, List<String> texts) {
  public LabeledTexts {
    classes = List.copyOf(classes);
    labels = List.copyOf(labels);
    texts = List.copyOf(texts);
  }

  /** Reads a file. */
  public static LabeledTexts read(Path file) {
    List<String> classes = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    List<String> lines = InputOutput.read(file).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      int tab = lines.get(i).indexOf('\t');
      if (tab < 1 || tab == lines.get(i).length() - 1) {
        throw new CommandException(
            file + ": line " + (i + 1) + ": must be a class, a tab character and a text");
      }
      String name = lines.get(i).substring(0, tab);
      if (!classes.contains(name)) {
        classes.add(name);
      }
      labels.add(classes.indexOf(name));
      texts.add(lines.get(i).substring(tab + 1));
    }
    if (classes.size() < 2) {
      throw new CommandException(file + ": must have texts of two or more classes");
    }
    return new LabeledTexts(classes, labels, texts);
  }

  /** Returns the class index of each text, [n]. */
  public int[] labelNumbers() {
    return IntStream.range(0, labels.size()).map(labels::get).toArray();
  }
}
