package dev.vidrio.lens.detect;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/**
 * A sentence with labeled dependencies between its words, as in the treebanks of Universal
 * Dependencies.
 *
 * @param text the sentence
 * @param words in order
 * @see SyntacticHeads
 */
public record DependencySentence(String text, List<Word> words) {
  /** Columns of a CoNLL-U line. */
  private static final int COLUMNS = 10;

  private static final int FORM = 1;
  private static final int HEAD = 6;
  private static final int RELATION = 7;
  private static final int MISC = 9;

  /**
   * A word.
   *
   * @param begin index of its first character in the text
   * @param end index after its last character
   * @param head index of the word that it depends on, from 0; −1 for the root
   * @param relation the label of the dependency, such as {@code nsubj}
   */
  public record Word(int begin, int end, int head, String relation) {}

  /**
   * Creates a sentence.
   *
   * @throws InvalidInputException if the position or the head of a word is not in the sentence
   */
  public DependencySentence {
    words = List.copyOf(words);
    for (Word word : words) {
      boolean within = word.begin >= 0 && word.begin <= word.end && word.end <= text.length();
      if (!within || word.head < -1 || word.head >= words.size()) {
        throw new InvalidInputException("word", word.toString(), "is not within the sentence");
      }
    }
  }

  /**
   * Reads sentences in CoNLL-U: a line of ten columns for each word, an empty line after each
   * sentence. The text is joined from the words, with a space after each that does not have {@code
   * SpaceAfter=No}; words of a contraction share its characters. Comments and empty nodes are
   * skipped.
   *
   * @throws InvalidInputException if a line is not of this format
   */
  public static List<DependencySentence> read(String conllu) {
    List<DependencySentence> sentences = new ArrayList<>();
    var reader = new Reader();
    List<String> lines = conllu.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isBlank()) {
        reader.finish(i, sentences);
        reader = new Reader();
      } else if (!line.startsWith("#")) {
        reader.add(i + 1, line.split("\t", -1));
      }
    }
    reader.finish(lines.size(), sentences);
    return sentences;
  }

  /** Reads the lines of one sentence. */
  private static final class Reader {
    private final StringBuilder text = new StringBuilder();
    private final List<Word> words = new ArrayList<>();

    /** Number of the last word of a contraction, or 0. */
    private int contracted;

    private int begin;
    private int end;
    private boolean spaced;

    void add(int line, String[] columns) {
      require(columns.length == COLUMNS, line, columns.length + " columns", "must have 10");
      String id = columns[0];
      if (id.contains(".")) {
        return;
      }
      int dash = id.indexOf('-');
      int number = number(line, id.substring(dash + 1));
      if (dash >= 0) {
        append(columns);
        contracted = number;
        return;
      }
      if (number > contracted) {
        append(columns);
      }
      require(number == words.size() + 1, line, id, "must be " + (words.size() + 1));
      words.add(new Word(begin, end, number(line, columns[HEAD]) - 1, columns[RELATION]));
    }

    private void append(String[] columns) {
      if (spaced) {
        text.append(' ');
      }
      begin = text.length();
      text.append(columns[FORM]);
      end = text.length();
      spaced = !columns[MISC].contains("SpaceAfter=No");
    }

    private static int number(int line, String digits) {
      require(digits.matches("\\d{1,6}"), line, digits, "must be a number");
      return Integer.parseInt(digits);
    }

    private static void require(boolean holds, int line, String value, String limit) {
      if (!holds) {
        throw new InvalidInputException("line " + line, value, limit);
      }
    }

    void finish(int line, List<DependencySentence> sentences) {
      if (words.isEmpty()) {
        return;
      }
      for (Word word : words) {
        require(
            word.head < words.size(),
            line,
            "head " + (word.head + 1),
            "the sentence has " + words.size() + " words");
      }
      sentences.add(new DependencySentence(text.toString(), words));
    }
  }
}
