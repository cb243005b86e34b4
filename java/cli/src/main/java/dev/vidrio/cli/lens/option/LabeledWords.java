package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.lens.decode.probe.LabeledTokens.Word;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Sentences of words with classes, from a file with a line {@code WORD<TAB>CLASS} for each word and
 * an empty line after each sentence. A third field {@code SpaceAfter=No}, as in CoNLL-U, joins a
 * word with the next.
 *
 * @param classes the names of the classes, in order of occurrence
 * @param sentences the words of each sentence
 */
public record LabeledWords(List<String> classes, List<List<Word>> sentences) {
  private static final String JOINED = "SpaceAfter=No";

  public LabeledWords {
    classes = List.copyOf(classes);
    sentences = sentences.stream().map(List::copyOf).toList();
  }

  /** Reads a file. */
  public static LabeledWords read(Path file) {
    List<String> classes = new ArrayList<>();
    Map<String, Integer> types = new HashMap<>();
    List<List<Word>> sentences = new ArrayList<>();
    List<Word> sentence = new ArrayList<>();
    List<String> lines = InputOutput.read(file).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isBlank()) {
        if (!sentence.isEmpty()) {
          sentences.add(sentence);
          sentence = new ArrayList<>();
        }
        continue;
      }
      String[] fields = line.split("\t", -1);
      boolean joined = fields.length == 3 && fields[2].equals(JOINED);
      if (fields.length < 2
          || (fields.length > 2 && !joined)
          || fields[0].isBlank()
          || fields[1].isEmpty()) {
        throw new CommandException(
            file
                + ": line "
                + (i + 1)
                + ": must be a word, a tab character and a class, and may end with a tab character"
                + " and "
                + JOINED);
      }
      if (!classes.contains(fields[1])) {
        classes.add(fields[1]);
      }
      int type = types.computeIfAbsent(fields[0], ignored -> types.size());
      sentence.add(new Word(fields[0], !joined, classes.indexOf(fields[1]), type));
    }
    if (!sentence.isEmpty()) {
      sentences.add(sentence);
    }
    if (classes.size() < 2) {
      throw new CommandException(file + ": must have words of two or more classes");
    }
    return new LabeledWords(classes, sentences);
  }
}
