package dev.vidrio.model;

import dev.vidrio.template.AnswerParser;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.HarmonyParser;
import dev.vidrio.template.ThoughtMarks;
import dev.vidrio.template.ToolCall;
import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A chat model's answer while it is generated: text to show, the reasoning before it, and tool
 * calls, which are known once it has ended. Text that may begin a call is held back. The pieces of
 * text concatenate to the content of the message. {@link ChatFormat#newAnswer} makes one. For one
 * answer and one thread.
 */
public final class ChatAnswer {
  private final Tokenizer tokenizer;
  private final boolean tools;
  private final ThoughtReader thoughts;

  /** The same answer with special tokens, which calls may be marked by. */
  private final ThoughtReader markedThoughts;

  private final TokenDecoder decoder;
  private final boolean textOnly;
  private final StringBuilder opening = new StringBuilder();
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder marked = new StringBuilder();
  private @Nullable HarmonyParser harmony;
  private boolean mayBeHarmony = true;
  private final TokenParts parts = new TokenParts();
  private int shown;
  private boolean callsOnly;
  private boolean endsInThought;
  private ChatMessage message = ChatMessage.assistant("");

  /**
   * Starts an answer.
   *
   * @param marks of the model's thoughts; null where it has none
   * @param begun whether the prompt has begun a thought
   * @param tools whether the model was given tools; where it was not, nothing is a call
   * @param textOnly whether only the text of tokens is known
   */
  ChatAnswer(
      Tokenizer tokenizer,
      @Nullable ThoughtMarks marks,
      boolean begun,
      boolean tools,
      boolean textOnly) {
    // Channels are told apart by what reads them.
    ThoughtMarks read = ThoughtMarks.HARMONY.equals(marks) ? null : marks;
    this.tokenizer = tokenizer;
    this.tools = tools;
    this.thoughts = new ThoughtReader(read, begun);
    this.markedThoughts = new ThoughtReader(read, begun);
    this.decoder = tokenizer.streamingDecoder();
    this.textOnly = textOnly;
  }

  /**
   * Takes what comes next and returns the text that may be shown now, often empty.
   *
   * @param token the next token; negative where there is only text
   * @param piece the text that came with it: what {@link AnswerText} lets through
   */
  public String accept(int token, String piece) {
    boolean thought = thinks();
    int begin = text.length();
    String content = content(thoughts.accept(piece));
    text.append(content);
    if (textOnly || harmony != null) {
      marked.append(content);
    } else if (token >= 0) {
      marked.append(markedThoughts.accept(decoder.accept(token)));
    }
    if (token >= 0) {
      parts.take(begin, text.length(), thought || thinks());
      if (thoughts.isBehind()) {
        parts.passOver();
      }
    }
    if (!tools) {
      return show(text.length());
    }
    return show(AnswerParser.mayBeCall(marked) ? shown : text.length() - heldBack());
  }

  /** Takes a piece of an answer of whose tokens only the text is known. */
  public String accept(String piece) {
    return accept(-1, piece);
  }

  /** What of a text is content: all of it, unless the answer is in channels. */
  private String content(String piece) {
    String next = piece;
    if (harmony == null && mayBeHarmony) {
      opening.append(piece);
      next = opening.toString();
      if (HarmonyParser.begins(next)) {
        harmony = new HarmonyParser(tools);
        marked.setLength(0);
      } else if (HarmonyParser.mayBegin(next)) {
        return "";
      }
      mayBeHarmony = false;
    }
    if (harmony == null) {
      return next;
    }
    harmony.accept(next);
    return harmony.newContent();
  }

  /** The reasoning that came since this was asked last, of models that mark it. */
  public String reasoning() {
    return harmony == null ? thoughts.newThought() : harmony.newReasoning();
  }

  /** Whether what comes next is reasoning or marks of it, as far as is known. */
  public boolean thinks() {
    return harmony == null ? thoughts.thinks() : harmony.thinks();
  }

  /** The tokens of reasoning so far, with those that mark it. */
  public int reasoningTokens() {
    return parts.reasoning();
  }

  /**
   * The tokens that the content is made of which was shown since this was asked last: their places
   * among all tokens of the answer. Those of reasoning, calls and stop texts are not among them.
   */
  public List<Integer> newContentTokens() {
    return parts.newContent(shown);
  }

  private String show(int end) {
    String now = text.substring(shown, Math.max(shown, end));
    shown += now.length();
    return now;
  }

  /** Length of the end of the text that is the beginning of a mark, or space before one. */
  private int heldBack() {
    int end = text.length() - StopText.heldBack(text, AnswerParser.MARKS);
    while (end > shown && Character.isWhitespace(text.charAt(end - 1))) {
      end--;
    }
    return text.length() - end;
  }

  /** Says that the answer can be nothing but a call: where it is cut, it has no text. */
  public ChatAnswer withCallsOnly() {
    callsOnly = true;
    return this;
  }

  /** Ends an answer that the model ended, and returns the text that is left to be shown. */
  public String finish() {
    return finish(Generator.Finish.STOP);
  }

  /**
   * Ends the answer and returns the text that is left to be shown. Where the model had not ended
   * it, a call that it had begun is left out, and so is what may have been the beginning of its
   * mark.
   *
   * @param reason why it has ended
   */
  public String finish(Generator.Finish reason) {
    boolean cut = reason != Generator.Finish.STOP;
    String rest = content(thoughts.finish(cut));
    text.append(mayBeHarmony ? opening.toString() : rest);
    endsInThought = thinks();
    if (endsInThought) {
      parts.countSilent();
    }
    String reasoning = thoughts.thought();
    List<ToolCall> calls = List.of();
    if (harmony != null) {
      ChatMessage read = harmony.finish(cut);
      text.append(harmony.newContent());
      marked.setLength(0);
      marked.append(text);
      reasoning = Objects.requireNonNullElse(read.reasoning(), "");
      calls = read.toolCalls();
    } else if (textOnly) {
      marked.setLength(0);
      marked.append(text);
    } else {
      marked.append(markedThoughts.accept(decoder.finish())).append(markedThoughts.finish(cut));
    }
    return end(reasoning.isEmpty() ? null : reasoning, calls, cut);
  }

  private String end(@Nullable String reasoning, List<ToolCall> calls, boolean cut) {
    ChatMessage parsed =
        tools && calls.isEmpty()
            ? AnswerParser.parse(text.toString(), marked.toString())
            : ChatMessage.assistant(text.toString(), null, calls);
    List<ToolCall> found = parsed.toolCalls();
    boolean begun = tools && cut && found.isEmpty() && begunCall() < marked.length();
    String content = text.toString();
    int shownBefore = shown;
    if (begun || (calls.isEmpty() && !found.isEmpty())) {
      String before =
          begun
              ? marked.substring(0, begunCall()).strip()
              : Objects.requireNonNullElse(parsed.content(), "");
      int end = shown > 0 ? beforeCalls() : Math.max(0, text.indexOf(before)) + before.length();
      shown = Math.clamp(end, shown, text.length());
      content = shownBefore > 0 ? text.substring(0, shown) : before;
    } else {
      shown = text.length();
    }
    boolean silent = content.isEmpty() && !found.isEmpty();
    message = ChatMessage.assistant(silent ? null : content, reasoning, found);
    return content.substring(Math.min(shownBefore, content.length()));
  }

  /** Where a call begins that has no end; the length of the marked text where none does. */
  private int begunCall() {
    if (callsOnly || AnswerParser.beginsWhole(marked)) {
      return 0;
    }
    return AnswerParser.MARKS.stream()
        .mapToInt(marked::indexOf)
        .filter(i -> i >= 0)
        .min()
        .orElse(marked.length() - StopText.heldBack(marked, AnswerParser.MARKS));
  }

  /** Whether the answer ended while the model was still thinking, or marking that it was. */
  public boolean endsInThought() {
    return endsInThought;
  }

  /** Where the text before the calls ends, of which some has been shown. */
  private int beforeCalls() {
    int end =
        AnswerParser.MARKS.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(shown);
    return text.substring(0, end).stripTrailing().length();
  }

  /** The message, after {@link #finish}. */
  public ChatMessage message() {
    return message;
  }

  /** Reads a whole answer, and returns the message that it is. */
  public ChatMessage read(GenerationResult result) {
    TokenDecoder pieces = tokenizer.streamingDecoder(true);
    String whole = result.text();
    int at = 0;
    for (int token : result.tokens()) {
      // The text ends before a stop text, of which there are tokens too.
      int end = Math.min(at + pieces.accept(token).length(), whole.length());
      var _ = accept(token, whole.substring(at, end));
      at = end;
    }
    var _ = accept(whole.substring(at));
    var _ = finish(result.finish());
    return message;
  }
}
