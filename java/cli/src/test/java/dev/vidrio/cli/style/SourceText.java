package dev.vidrio.cli.style;

import java.util.ArrayList;
import java.util.List;

/** The comments and string literals of a Java or C source, each with the number of its line. */
record SourceText(List<Part> comments, List<Part> strings) {

  /**
   * A comment without its marks, or a string literal without its quotes.
   *
   * @param line counted from 1
   */
  record Part(int line, String text) {}

  /** Reads a source. Adjacent {@code //} lines are one comment. */
  static SourceText of(String source) {
    var comments = new ArrayList<Part>();
    var strings = new ArrayList<Part>();
    int line = 1;
    int lastLineComment = -1;
    int i = 0;
    while (i < source.length()) {
      int end;
      if (source.startsWith("//", i)) {
        end = indexOrEnd(source, "\n", i);
        String text = source.substring(i + 2, end).strip();
        if (lastLineComment == line - 1) {
          Part before = comments.removeLast();
          comments.add(new Part(before.line(), before.text() + "\n" + text));
        } else {
          comments.add(new Part(line, text));
        }
        lastLineComment = line;
      } else if (source.startsWith("/*", i)) {
        end = Math.min(indexOrEnd(source, "*/", i + 2) + 2, source.length());
        comments.add(new Part(line, unmarked(source.substring(i, end))));
      } else if (source.startsWith("\"\"\"", i)) {
        end = Math.min(indexOrEnd(source, "\"\"\"", i + 3) + 3, source.length());
        strings.add(new Part(line, source.substring(i + 3, Math.max(i + 3, end - 3))));
      } else if (source.charAt(i) == '"' || source.charAt(i) == '\'') {
        end = literalEnd(source, i);
        if (source.charAt(i) == '"') {
          strings.add(new Part(line, source.substring(i + 1, Math.max(i + 1, end - 1))));
        }
      } else {
        end = i + 1;
      }
      line += (int) source.substring(i, end).chars().filter(c -> c == '\n').count();
      i = end;
    }
    return new SourceText(List.copyOf(comments), List.copyOf(strings));
  }

  private static int indexOrEnd(String source, String mark, int from) {
    int index = source.indexOf(mark, from);
    return index < 0 ? source.length() : index;
  }

  /**
   * Returns the index after the closing quote; a literal ends at the end of its line at the latest.
   */
  private static int literalEnd(String source, int begin) {
    int i = begin + 1;
    while (i < source.length() && source.charAt(i) != source.charAt(begin)) {
      if (source.charAt(i) == '\n') {
        return i;
      }
      i += source.charAt(i) == '\\' ? 2 : 1;
    }
    return Math.min(i + 1, source.length());
  }

  private static String unmarked(String comment) {
    return comment
        .replaceAll("^/\\*+\\s*\\*?\\s*|\\s*\\*/$", "")
        .replaceAll("\\n[ \\t]*\\*[ \\t]?", "\n")
        .strip();
  }
}
