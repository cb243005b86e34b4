package dev.vidrio.model;

import dev.vidrio.template.ChatMessage;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Names of special tokens in messages. A template writes such names to say who speaks; in what
 * somebody says they are text, or he could speak in another's name. So they are marked before the
 * template sees them, and the rendered text is cut at the marks.
 *
 * <p>Some vocabularies call tokens of turns text ({@code <|USER_TOKEN|>} of Command R). They are
 * names where the template writes them.
 */
final class SpecialNames {
  /** Half of a character, which no text has. */
  private static final char MARK = '\uDFFF';

  private final Set<String> names = new HashSet<>();
  private final Set<Character> firsts = new HashSet<>();
  private final SortedSet<Integer> lengths = new TreeSet<>();

  /**
   * @param template the source of the template
   */
  SpecialNames(Tokenizer tokenizer, String template) {
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      if (tokenizer.isSpecial(id)) {
        add(tokenizer.piece(id));
      } else if (tokenizer.type(id) == TokenType.USER_DEFINED) {
        String name = tokenizer.piece(id);
        if (isBracketed(name) && template.contains(name)) {
          add(name);
        }
      }
    }
  }

  /** What else a template and a text have in common, such as two line breaks, is no name. */
  private static boolean isBracketed(String name) {
    return (name.startsWith("<") && name.endsWith(">"))
        || (name.startsWith("[") && name.endsWith("]"));
  }

  private void add(String name) {
    // What is one character long cannot be cut.
    if (name.codePointCount(0, name.length()) > 1) {
      names.add(name);
      firsts.add(name.charAt(0));
      lengths.add(name.length());
    }
  }

  /** The message with its names marked, unless the model itself has written it. */
  ChatMessage mark(ChatMessage message) {
    return message.role().equals("assistant")
        ? message
        : new ChatMessage(markFields(message.fields()));
  }

  /** The JSON object with names in its keys and strings marked. */
  Map<String, @Nullable Object> markFields(Map<?, ?> fields) {
    Map<String, @Nullable Object> marked = new LinkedHashMap<>();
    fields.forEach((name, value) -> marked.put(mark(String.valueOf(name)), markValue(value)));
    return marked;
  }

  private @Nullable Object markValue(@Nullable Object value) {
    return switch (value) {
      case String text -> mark(text);
      case List<?> list -> list.stream().map(this::markValue).toList();
      case Map<?, ?> fields -> markFields(fields);
      case null, default -> value;
    };
  }

  private String mark(String text) {
    var marked = new StringBuilder();
    int done = 0;
    for (int i = 0; i < text.length(); i++) {
      if (beginsName(text, i)) {
        int first = Character.charCount(text.codePointAt(i));
        marked.append(text, done, i + first).append(MARK);
        done = i + first;
      }
    }
    return done == 0 ? text : marked.append(text, done, text.length()).toString();
  }

  private boolean beginsName(String text, int at) {
    if (!firsts.contains(text.charAt(at))) {
      return false;
    }
    for (int length : lengths.headSet(text.length() - at + 1)) {
      if (names.contains(text.substring(at, at + length))) {
        return true;
      }
    }
    return false;
  }

  /** A rendered text, cut at the marks. */
  static List<String> parts(String rendered) {
    return Arrays.asList(rendered.split(String.valueOf(MARK), -1));
  }
}
