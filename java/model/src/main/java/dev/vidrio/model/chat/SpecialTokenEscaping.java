package dev.vidrio.model.chat;

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
 * Escapes the names of special tokens in messages and tools. Templates write special tokens as role
 * markers; in message content they must be plain text, or a user could impersonate another role
 * (prompt injection). A marker character is inserted into each name before the template is
 * rendered, and the rendered text is split there, so that the tokenizer sees no whole name.
 *
 * <p>Some vocabularies declare their turn markers as user-defined tokens ({@code <|USER_TOKEN|>} of
 * Command R). These are escaped if the template contains them.
 */
final class SpecialTokenEscaping {
  /** A lone surrogate, which cannot occur in valid text. */
  private static final char MARK = '\uDFFF';

  private final Set<String> names = new HashSet<>();
  private final Set<Character> firsts = new HashSet<>();
  private final SortedSet<Integer> lengths = new TreeSet<>();

  /**
   * Collects the names.
   *
   * @param template the source of the template
   */
  SpecialTokenEscaping(Tokenizer tokenizer, String template) {
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

  /** Returns whether a user-defined token looks like a marker, unlike runs of line breaks. */
  private static boolean isBracketed(String name) {
    return (name.startsWith("<") && name.endsWith(">"))
        || (name.startsWith("[") && name.endsWith("]"));
  }

  private void add(String name) {
    // A single character cannot be split.
    if (name.codePointCount(0, name.length()) > 1) {
      names.add(name);
      firsts.add(name.charAt(0));
      lengths.add(name.length());
    }
  }

  /** Returns a message with escaped names, unless the model itself wrote it. */
  ChatMessage escape(ChatMessage message) {
    return message.role().equals("assistant")
        ? message
        : new ChatMessage(escapeFields(message.fields()));
  }

  /** Returns a JSON object with escaped names in its keys and strings. */
  Map<String, @Nullable Object> escapeFields(Map<?, ?> fields) {
    Map<String, @Nullable Object> escaped = new LinkedHashMap<>();
    fields.forEach((name, value) -> escaped.put(escape(String.valueOf(name)), escapeValue(value)));
    return escaped;
  }

  private @Nullable Object escapeValue(@Nullable Object value) {
    return switch (value) {
      case String text -> escape(text);
      case List<?> list -> list.stream().map(this::escapeValue).toList();
      case Map<?, ?> fields -> escapeFields(fields);
      case null, default -> value;
    };
  }

  private String escape(String text) {
    var escaped = new StringBuilder();
    int done = 0;
    for (int i = 0; i < text.length(); i++) {
      if (beginsName(text, i)) {
        int first = Character.charCount(text.codePointAt(i));
        escaped.append(text, done, i + first).append(MARK);
        done = i + first;
      }
    }
    return done == 0 ? text : escaped.append(text, done, text.length()).toString();
  }

  private boolean beginsName(String text, int at) {
    if (!firsts.contains(text.charAt(at))) {
      return false;
    }
    return lengths.headSet(text.length() - at + 1).stream()
        .anyMatch(length -> names.contains(text.substring(at, at + length)));
  }

  /** Splits a rendered text at the markers. */
  static List<String> split(String rendered) {
    return Arrays.asList(rendered.split(String.valueOf(MARK), -1));
  }
}
