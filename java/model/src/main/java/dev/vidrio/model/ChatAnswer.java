package dev.vidrio.model;

import dev.vidrio.model.template.AnswerParser;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.HarmonyParser;
import dev.vidrio.model.template.ThoughtMarks;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.tokenizer.TokenDecoder;
import dev.vidrio.model.tokenizer.Tokenizer;
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
  private int shown;
  private int reasoningTokens;
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
    String content = content(thoughts.accept(piece));
    text.append(content);
    if (textOnly || harmony != null) {
      marked.append(content);
    } else if (token >= 0) {
      marked.append(markedThoughts.accept(decoder.accept(token)));
    }
    if (token >= 0 && (thought || thinks())) {
      reasoningTokens++;
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
    return reasoningTokens;
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

  /** Ends the answer and returns the text that is left to be shown. */
  public String finish() {
    String rest = content(thoughts.finish());
    text.append(mayBeHarmony ? opening.toString() : rest);
    String reasoning = thoughts.thought();
    List<ToolCall> calls = List.of();
    if (harmony != null) {
      ChatMessage parts = harmony.finish();
      text.append(harmony.newContent());
      marked.setLength(0);
      marked.append(text);
      reasoning = Objects.requireNonNullElse(parts.reasoning(), "");
      calls = parts.toolCalls();
    } else if (textOnly) {
      marked.setLength(0);
      marked.append(text);
    } else {
      marked.append(markedThoughts.accept(decoder.finish())).append(markedThoughts.finish());
    }
    return end(reasoning.isEmpty() ? null : reasoning, calls);
  }

  private String end(@Nullable String reasoning, List<ToolCall> calls) {
    ChatMessage parsed =
        tools && calls.isEmpty()
            ? AnswerParser.parse(text.toString(), marked.toString())
            : ChatMessage.assistant(text.toString(), null, calls);
    List<ToolCall> found = parsed.toolCalls();
    boolean within = calls.isEmpty() && !found.isEmpty();
    String content = within && shown == 0 ? Objects.requireNonNullElse(parsed.content(), "") : "";
    String left = content;
    if (!within) {
      left = show(text.length());
      content = text.toString();
    } else if (shown > 0) {
      left = show(beforeCalls());
      content = text.substring(0, shown);
    }
    boolean silent = content.isEmpty() && !found.isEmpty();
    message = ChatMessage.assistant(silent ? null : content, reasoning, found);
    return left;
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
    var _ = finish();
    return message;
  }
}
