package dev.vidrio.template.call;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads tool calls in a response while it is generated. A call counts only if it names one of the
 * given tools; everything else is text. In addition to the model's own format, a JSON object with
 * the keys of a call is read in the tags of Hermes, in a block of code, or at the beginning of a
 * line, since models write those too.
 *
 * <p>Pass the response in pieces to {@link #accept}, then call {@link #finish}. {@link #calls} and
 * {@link #begunCall} return the calls so far, and {@link #contentEnd} and {@link #spans} which part
 * of the response is text. Reasoning must have been removed. Reading takes time proportional to the
 * length: at most 4 Mi characters are read again. For one response; not thread-safe.
 *
 * @see ToolCallFormat
 */
public final class ToolCallReader {
  /** Formats that are read from all models. */
  private static final List<ToolCallFormat> COMMON =
      List.of(
          ToolCallFormat.HERMES,
          ToolCallFormat.FENCE,
          ToolCallFormat.FENCED_LIST,
          ToolCallFormat.PLAIN_FENCE,
          ToolCallFormat.LLAMA,
          ToolCallFormat.OBJECTS,
          ToolCallFormat.EXPRESSIONS);

  /**
   * A part of the response that is not text: calls with their marks.
   *
   * @param begin the index of its first character
   * @param end the index after its last character
   */
  public record Span(int begin, int end) {}

  /**
   * The beginnings of a format.
   *
   * @param isBare true if the only one is a brace or bracket, which counts at the start of a line
   */
  private record Begin(ToolCallFormat format, List<String> marks, boolean isBare) {
    static Begin of(ToolCallFormat format) {
      List<String> marks = format.marks();
      return marks.isEmpty()
          ? new Begin(format, List.of("{"), true)
          : new Begin(format, marks, marks.getFirst().length() == 1);
    }
  }

  /** The number of calls after which the rest of a response is text. */
  public static final int MAX_CALLS = 1024;

  /**
   * The number of characters that are read again, in all, after a text that begins like a call
   * turns out not to be one. The rest of the response is then text.
   */
  static final int MAX_REREAD = 4 << 20;

  private final ParameterTypes tools;
  private final List<Begin> begins = new ArrayList<>();
  private final Set<String> marks = new LinkedHashSet<>();

  /** The first characters of all marks. */
  private final StringBuilder first = new StringBuilder();

  private final StringBuilder text = new StringBuilder();
  private final CallCursor cursor = new CallCursor(text, 0);
  private final List<ReadCall> calls = new ArrayList<>();
  private final List<Span> spans = new ArrayList<>();
  private List<ToolCallFormat> candidates = List.of();
  private @Nullable SectionParser section;
  private boolean isMarked;
  private boolean isAfterCall;
  private int begin;
  private int searched;

  /** Characters that were read more than once. */
  private long reread;

  /** An end of the text, and the end of the text before it without white space. */
  private int untrimmed;

  private int trimmed;

  /**
   * Creates a reader of one response.
   *
   * @param format the model's format
   * @param tools the tools
   * @param isStrict true if only the model's format and blocks of code are read
   */
  public ToolCallReader(ToolCallFormat format, ParameterTypes tools, boolean isStrict) {
    this.tools = tools;
    List<ToolCallFormat> formats =
        isStrict
            ? List.of(format, ToolCallFormat.FENCE)
            : Stream.concat(Stream.of(format), COMMON.stream()).distinct().toList();
    formats.forEach(each -> begins.add(Begin.of(each)));
    begins.forEach(each -> marks.addAll(each.marks));
    marks.forEach(mark -> first.append(mark.charAt(0)));
  }

  /** Adds a piece of the response. */
  public void accept(String piece) {
    text.append(piece);
    read();
  }

  /**
   * Ends the response: a call that lacks only its closing text is complete, and other incomplete
   * calls are text.
   *
   * @param cut true if the response was truncated: an incomplete call or mark is then dropped
   */
  public void finish(boolean cut) {
    int from = section == null ? text.length() - partialMark() : begin;
    boolean drops = cut && (section == null || section.isNamed() || isMarked);
    cursor.isEnded = true;
    read();
    int end = spans.isEmpty() ? 0 : spans.getLast().end();
    if (drops && end <= from && from < text.length()) {
      spans.add(new Span(from, text.length()));
    }
  }

  /** Returns the complete calls. */
  public List<ReadCall> calls() {
    List<ReadCall> all = new ArrayList<>(calls);
    if (section != null) {
      all.addAll(section.calls());
    }
    return all;
  }

  /** Returns the call that is not complete, once its name is known. */
  public Optional<ReadCall> begunCall() {
    return section == null ? Optional.empty() : section.begunCall();
  }

  /**
   * Returns a view of the parts of the response that are not text, in order. White space after
   * calls belongs to them; calls with nothing else between them are one part.
   */
  public List<Span> spans() {
    return Collections.unmodifiableList(spans);
  }

  /**
   * Returns the end of the text that is certainly content, apart from the {@link #spans}: what
   * follows may be a call, or white space before one.
   */
  public int contentEnd() {
    if (cursor.isEnded && spans.isEmpty()) {
      return text.length();
    }
    int end = section == null && !cursor.isEnded ? text.length() - partialMark() : text.length();
    end = section == null ? end : begin;
    for (int i = spans.size() - 1; i >= 0; i--) {
      end = trimmed(end, spans.get(i).end());
      if (end > spans.get(i).end()) {
        return end;
      }
      end = spans.get(i).begin();
    }
    return trimmed(end, 0);
  }

  /** Returns the end of a text without the white space that it ends with. */
  private int trimmed(int end, int from) {
    int at = end;
    while (at > from && Character.isWhitespace(text.charAt(at - 1))) {
      at--;
      if (trimmed <= at && at <= untrimmed) { // all white space, as a former call found
        at = trimmed;
      }
    }
    if (at < end) {
      trimmed = at;
      untrimmed = end;
    }
    return Math.max(at, from);
  }

  private int partialMark() {
    int longest = 0;
    int from = spans.isEmpty() ? 0 : spans.getLast().end();
    for (String mark : marks) {
      for (int n = Math.min(mark.length() - 1, text.length() - from); n > longest; n--) {
        if (mark.startsWith(text.substring(text.length() - n))) {
          longest = n;
        }
      }
    }
    return longest;
  }

  private void read() {
    while (true) {
      if (section == null && !beginSection()) {
        return;
      }
      SectionParser current = Objects.requireNonNull(section);
      Step step = current.read();
      if (step == Step.MORE) {
        return;
      }
      if (step == Step.DONE) {
        calls.addAll(current.calls());
        addSpan(current.end());
        begin = current.end();
        searched = begin;
        section = null;
        candidates = List.of();
        isAfterCall = true;
      } else {
        nextCandidate();
      }
    }
  }

  private void addSpan(int end) {
    boolean isNext = !spans.isEmpty() && spans.getLast().end() == begin;
    int from = isNext ? spans.removeLast().begin() : begin;
    spans.add(new Span(from, end));
  }

  /** Tries the next format at the mark, or reads the mark as text. */
  private void nextCandidate() {
    if (section != null) {
      reread += Math.max(0, cursor.reached() - begin);
    }
    cursor.begin();
    if (candidates.isEmpty()) {
      section = null;
      searched = begin + 1;
      return;
    }
    cursor.at = begin;
    isMarked = !isCommon(candidates.getFirst());
    section = new SectionParser(cursor, candidates.getFirst(), tools);
    candidates = candidates.subList(1, candidates.size());
  }

  /** Returns whether a format's beginning occurs in other texts. */
  private static boolean isCommon(ToolCallFormat format) {
    return !format.equals(ToolCallFormat.HERMES) && COMMON.contains(format);
  }

  /** Finds the next mark, and returns whether there is one. */
  private boolean beginSection() {
    if (isAfterCall) {
      int end = begin;
      while (end < text.length() && Character.isWhitespace(text.charAt(end))) {
        end++;
      }
      spans.set(spans.size() - 1, new Span(spans.getLast().begin(), end));
      isAfterCall = end == text.length();
      begin = end;
      searched = end;
    }
    int partial = cursor.isEnded ? text.length() : text.length() - partialMark();
    boolean isFull = reread > MAX_REREAD || calls.size() >= MAX_CALLS;
    for (int i = searched; i < partial && !isFull; i++) {
      List<ToolCallFormat> here = formatsAt(i);
      if (!here.isEmpty()) {
        begin = i;
        candidates = here;
        nextCandidate();
        return true;
      }
    }
    searched = Math.max(searched, partial);
    return false;
  }

  private List<ToolCallFormat> formatsAt(int at) {
    char c = text.charAt(at);
    if (first.indexOf(String.valueOf(c)) < 0) {
      return List.of();
    }
    List<ToolCallFormat> here = new ArrayList<>();
    for (Begin each : begins) {
      boolean isHere =
          each.isBare
              ? each.marks.getFirst().charAt(0) == c && isLineStart(at)
              : each.marks.stream().anyMatch(mark -> startsWith(at, mark));
      if (isHere) {
        here.add(each.format);
      }
    }
    return here;
  }

  private boolean startsWith(int at, String mark) {
    return text.length() - at >= mark.length()
        && text.charAt(at) == mark.charAt(0)
        && text.substring(at, at + mark.length()).equals(mark);
  }

  /** Returns whether only spaces precede a position in its line, or a call does. */
  private boolean isLineStart(int at) {
    int from = spans.isEmpty() ? 0 : spans.getLast().end();
    for (int i = at - 1; i >= from; i--) {
      char c = text.charAt(i);
      if (c == '\n') {
        return true;
      }
      if (!Character.isWhitespace(c)) {
        return false;
      }
    }
    return true;
  }
}
