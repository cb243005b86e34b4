package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A parsed edit: {@code HOOK[INDEX] OPERATION ARGUMENTS}.
 *
 * @param text the whole text
 * @param hook the names of hook points
 * @param index the elements
 * @param arguments the arguments of the operation
 */
record EditText(String text, String hook, Index index, Operation operation, List<Word> arguments) {
  /**
   * An argument.
   *
   * @param quoted true for a text in quotes
   * @param index the index in brackets after it; null for none
   */
  record Word(String text, boolean quoted, @Nullable Index index) {}

  EditText {
    arguments = List.copyOf(arguments);
  }

  static EditText parse(String text) {
    var words = new Words(text);
    Word hook = words.next();
    Word operation = words.next();
    if (hook == null || hook.quoted()) {
      throw new InvalidInputException("edit", text, "must begin with a hook point");
    }
    var parsed =
        Operation.parse(text, operation == null || operation.quoted() ? "" : operation.text());
    List<Word> arguments = new ArrayList<>();
    for (Word word = words.next(); word != null; word = words.next()) {
      arguments.add(word);
    }
    Index index = hook.index() == null ? Index.WHOLE : hook.index();
    return new EditText(text, hook.text(), index, parsed, arguments);
  }

  /** Returns an error of the edit. */
  InvalidInputException refused(String limit) {
    return new InvalidInputException("edit", text, limit);
  }

  /** Splits an edit into words. */
  private static final class Words {
    private final String text;
    private int at;

    Words(String text) {
      this.text = text;
    }

    @Nullable Word next() {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
        at++;
      }
      if (at == text.length()) {
        return null;
      }
      char first = text.charAt(at);
      boolean quoted = first == '\'' || first == '"';
      String word = quoted ? quoted(first) : plain();
      return new Word(word, quoted, index());
    }

    private String quoted(char quote) {
      int end = text.indexOf(quote, at + 1);
      if (end < 0) {
        throw new InvalidInputException("edit", text, "unclosed quote");
      }
      String word = text.substring(at + 1, end);
      at = end + 1;
      return word;
    }

    private String plain() {
      int begin = at;
      while (at < text.length()
          && text.charAt(at) != '['
          && !Character.isWhitespace(text.charAt(at))) {
        at++;
      }
      return text.substring(begin, at);
    }

    private @Nullable Index index() {
      if (at == text.length() || text.charAt(at) != '[') {
        return null;
      }
      int end = text.indexOf(']', at);
      if (end < 0) {
        throw new InvalidInputException("edit", text, "unclosed bracket");
      }
      Index index = Index.parse(text, text.substring(at + 1, end));
      at = end + 1;
      return index;
    }
  }
}
