package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Adjacent tokens of a text that are attributed to or removed together: a word, a sentence, a
 * message, a retrieved document.
 *
 * @param from the first position
 * @param to the position after the last one
 * @see "docs/lens/answers.md"
 */
public record TokenSpan(int from, int to) {
  /**
   * Checks the positions.
   *
   * @throws InvalidInputException if they are not a range, or begin before 0
   */
  public TokenSpan {
    Preconditions.require(
        from >= 0 && from < to, "span", from + ":" + to, "must be a range of positions from 0");
  }

  /** Returns the number of tokens. */
  public int length() {
    return to - from;
  }

  /** Returns whether all positions of another span are in this one. */
  public boolean contains(TokenSpan other) {
    return from <= other.from && other.to <= to;
  }

  /** Returns the text of the span. */
  public String text(Tokenizer tokenizer, int[] tokens) {
    return tokenizer.decode(Arrays.copyOfRange(tokens, from, to));
  }

  /** Returns a span for each position from {@code begin} to {@code end} (exclusive). */
  public static List<TokenSpan> tokens(int begin, int end) {
    return IntStream.range(begin, end).mapToObj(i -> new TokenSpan(i, i + 1)).toList();
  }

  /**
   * Returns the words and punctuation marks of a text, after Unicode's rules (UAX 29). White space
   * belongs to the word after it. A token with parts of several words belongs to the first. A
   * special token is a span of its own.
   */
  public static List<TokenSpan> words(Tokenizer tokenizer, int[] tokens) {
    return segments(tokenizer, tokens, BreakIterator.getWordInstance(Locale.ROOT));
  }

  /**
   * Returns the sentences of a text, after Unicode's rules (UAX 29), which also end at the end of a
   * line. A token with parts of several sentences belongs to the first. A special token is a span
   * of its own.
   */
  public static List<TokenSpan> sentences(Tokenizer tokenizer, int[] tokens) {
    return segments(tokenizer, tokens, BreakIterator.getSentenceInstance(Locale.ROOT));
  }

  private static List<TokenSpan> segments(
      Tokenizer tokenizer, int[] tokens, BreakIterator iterator) {
    var bytes = new ByteArrayOutputStream();
    var begins = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      begins[i] = bytes.size();
      if (!tokenizer.isSpecial(tokens[i])) {
        bytes.writeBytes(tokenizer.bytes(tokens[i]));
      }
    }
    byte[] text = bytes.toByteArray();
    int[] segment = segments(text, iterator);
    List<TokenSpan> spans = new ArrayList<>();
    int begin = 0;
    for (int i = 1; i <= tokens.length; i++) {
      boolean ends =
          i == tokens.length
              || tokenizer.isSpecial(tokens[i])
              || tokenizer.isSpecial(tokens[i - 1])
              || segment(segment, begins[i]) != segment(segment, begins[i - 1]);
      if (ends) {
        spans.add(new TokenSpan(begin, i));
        begin = i;
      }
    }
    return spans;
  }

  /** Returns the segment at a byte, or that of the last one. */
  private static int segment(int[] segments, int at) {
    return segments.length == 0 ? 0 : segments[Math.min(at, segments.length - 1)];
  }

  /**
   * Returns the segment of each byte: the number of boundaries up to its next character that is not
   * white space.
   */
  private static int[] segments(byte[] utf8, BreakIterator iterator) {
    String decoded = new String(utf8, StandardCharsets.UTF_8);
    boolean wellFormed = decoded.getBytes(StandardCharsets.UTF_8).length == utf8.length;
    // Each byte of an ill-formed text counts as a character.
    String text = wellFormed ? decoded : new String(utf8, StandardCharsets.ISO_8859_1);
    iterator.setText(text);
    var ofChars = new int[text.length()];
    int count = 0;
    int at = 0;
    for (int end = iterator.next(); end != BreakIterator.DONE; end = iterator.next()) {
      for (; at < end; at++) {
        ofChars[at] = count;
        count += text.charAt(at) == '\n' ? 1 : 0;
      }
      count++;
    }
    for (int i = text.length() - 2; i >= 0; i--) {
      if (Character.isWhitespace(text.charAt(i))) {
        ofChars[i] = ofChars[i + 1];
      }
    }
    return wellFormed ? ofBytes(text, ofChars, utf8.length) : ofChars;
  }

  private static int[] ofBytes(String text, int[] ofChars, int bytes) {
    var segments = new int[bytes];
    int at = 0;
    for (int i = 0; i < text.length(); ) {
      int character = text.codePointAt(i);
      int length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
      Arrays.fill(segments, at, at + length, ofChars[i]);
      at += length;
      i += Character.charCount(character);
    }
    return segments;
  }

  /**
   * A conversation as tokens, with the span of each message.
   *
   * @param tokens of the conversation and, after the last message, of the beginning of an answer
   * @param spans of the messages with the marks of the template, and of the beginning of the answer
   *     if the template has one
   */
  public record Conversation(List<Integer> tokens, List<TokenSpan> spans) {
    public Conversation {
      tokens = List.copyOf(tokens);
      spans = List.copyOf(spans);
    }
  }

  /**
   * Encodes a conversation by a model's template and finds the span of each message: the tokens
   * that the conversation up to it has more than the conversation before it. Messages that a
   * template moves or merges, such as a system message that it writes into the user's, share a
   * span.
   *
   * @throws InvalidInputException if there is no message, or the template rejects them
   */
  public static Conversation messages(ChatFormat format, List<ChatMessage> messages) {
    Preconditions.require(!messages.isEmpty(), "messages", "", "must not be empty");
    int[] all = format.encode(messages);
    List<TokenSpan> spans = new ArrayList<>();
    int begin = 0;
    for (int i = 1; i <= messages.size(); i++) {
      int end = common(all, encodeOrNothing(format, messages.subList(0, i)));
      if (end > begin) {
        spans.add(new TokenSpan(begin, end));
        begin = end;
      }
    }
    if (begin < all.length) {
      spans.add(new TokenSpan(begin, all.length));
    }
    return new Conversation(Arrays.stream(all).boxed().toList(), spans);
  }

  /** Returns the tokens of the first messages; none if the template rejects them alone. */
  private static int[] encodeOrNothing(ChatFormat format, List<ChatMessage> messages) {
    try {
      return format.encode(messages, ChatOptions.builder().addGenerationPrompt(false).build());
    } catch (InvalidInputException e) {
      return new int[0];
    }
  }

  private static int common(int[] a, int[] b) {
    int mismatch = Arrays.mismatch(a, b);
    return mismatch < 0 ? a.length : mismatch;
  }

  /**
   * Checks that spans are in order, do not overlap and end within a text.
   *
   * @throws InvalidInputException if there is none, or they are not
   */
  static void require(List<TokenSpan> spans, int tokens) {
    Preconditions.require(!spans.isEmpty(), "spans", "", "must not be empty");
    int end = 0;
    for (TokenSpan span : spans) {
      String range = span.from + ":" + span.to;
      Preconditions.require(
          span.from >= end, "span", range, "must begin after the span before it, at " + end);
      Preconditions.require(span.to <= tokens, "span", range, "must end by position " + tokens);
      end = span.to;
    }
  }
}
