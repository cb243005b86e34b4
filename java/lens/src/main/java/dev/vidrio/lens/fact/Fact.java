package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * A fact as a prompt that the model completes: {@code The capital of France is the city of} with
 * the subject France and the answer Paris.
 *
 * <p>Immutable.
 *
 * @see "docs/lens/facts.md"
 */
public final class Fact {
  /** The placeholder of the subject in a prompt. */
  public static final String SUBJECT = "{}";

  private final String subject;
  private final int[] tokens;
  private final int from;
  private final int to;
  private final int answer;

  /**
   * Creates a fact from tokens.
   *
   * @param subject its name, for output
   * @param tokens of the prompt; BOS is not added
   * @param from position of the first token of the subject
   * @param to the position after its last token
   * @param answer the next token
   * @throws InvalidInputException if the positions are not a range of the prompt
   */
  public Fact(String subject, int[] tokens, int from, int to, int answer) {
    boolean range = from >= 0 && to > from && to <= tokens.length;
    String limit = "must be a range of the " + tokens.length + " tokens";
    Preconditions.require(range, "subject", from + ":" + to, limit);
    this.subject = subject;
    this.tokens = tokens.clone();
    this.from = from;
    this.to = to;
    this.answer = answer;
  }

  /**
   * Tokenizes a fact, with BOS if the model requires it.
   *
   * @param prompt with {@value #SUBJECT} for the subject, or with the subject itself; its last
   *     occurrence counts
   * @param answer its first token after the prompt and a space is the fact's
   * @throws InvalidInputException if the prompt does not contain the subject, or the model does not
   *     support its length
   */
  public static Fact of(Model model, String subject, String prompt, String answer) {
    int hole = prompt.indexOf(SUBJECT);
    String text = prompt.replace(SUBJECT, subject);
    int begin = hole < 0 ? text.lastIndexOf(subject) : hole;
    Preconditions.require(
        begin >= 0 && !subject.isBlank(), "subject", subject, "is not in the prompt " + prompt);
    int[] tokens = model.tokenizer().encode(text);
    Preconditions.requireTokens(model, tokens);
    int first = bytes(text.substring(0, begin));
    int[] span = span(model.tokenizer(), tokens, text, first, first + bytes(subject));
    return new Fact(subject, tokens, span[0], span[1], answer(model, text, tokens, answer));
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Returns the first token of an answer that follows a text and a space. */
  static int answer(Model model, String text, int[] tokens, String answer) {
    Preconditions.require(!answer.isBlank(), "answer", answer, "must not be empty");
    int[] all = model.tokenizer().encode(text + " " + answer.strip());
    int common = Arrays.mismatch(tokens, all);
    Preconditions.require(
        common == tokens.length, "answer", answer, "is not separate from the end of: " + text);
    return all[common];
  }

  /**
   * Returns the first token that contains a byte of a part of the text, and the one after the last.
   */
  private static int[] span(Tokenizer tokenizer, int[] tokens, String text, int begin, int end) {
    var decoded = new ByteArrayOutputStream();
    var ends = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      if (!tokenizer.isSpecial(tokens[i])) {
        decoded.writeBytes(tokenizer.bytes(tokens[i]));
      }
      ends[i] = decoded.size();
    }
    // Some tokenizers put a space before a text.
    int shift = decoded.size() - bytes(text);
    int from = 0;
    while (from < tokens.length - 1 && ends[from] <= begin + shift) {
      from++;
    }
    int to = from;
    while (to < tokens.length - 1 && ends[to] < end + shift) {
      to++;
    }
    return new int[] {from, to + 1};
  }

  /** Returns the name of the subject. */
  public String subject() {
    return subject;
  }

  /** Returns the tokens of the prompt. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Returns the number of tokens of the prompt. */
  public int length() {
    return tokens.length;
  }

  /** Returns the position of the subject's first token. */
  public int from() {
    return from;
  }

  /** Returns the position after the subject's last token. */
  public int to() {
    return to;
  }

  /** Returns the token that completes the prompt. */
  public int answer() {
    return answer;
  }

  /** Returns whether the answer is the model's most likely next token. */
  public boolean isKnown(Lens lens) {
    Metric likely = Vectors::argmax;
    return likely.of(lens, tokens) == answer;
  }

  /** The positions of a prompt by their part in the fact, as Meng et al. (2022) average them. */
  public enum Part {
    /** The first of several tokens of the subject. */
    FIRST,
    /** The tokens of the subject between the first and the last. */
    MIDDLE,
    /** The last token of the subject, or its only one. */
    LAST,
    /** The token after the subject. */
    NEXT,
    /** The tokens between {@link #NEXT} and the end. */
    FURTHER,
    /** The last token of the prompt, which predicts the answer. */
    END;

    /**
     * Returns the part of a position; none before the subject.
     *
     * @param from position of the first token of the subject
     * @param to the position after its last token
     * @param length the number of tokens of the prompt
     */
    public static Optional<Part> of(int position, int from, int to, int length) {
      if (position < from) {
        return Optional.empty();
      }
      if (position < to) {
        return Optional.of(position == to - 1 ? LAST : position == from ? FIRST : MIDDLE);
      }
      return Optional.of(position == length - 1 ? END : position == to ? NEXT : FURTHER);
    }
  }

  /** Returns the part of a position; none before the subject. */
  public Optional<Part> part(int position) {
    return Part.of(position, from, to, tokens.length);
  }
}
