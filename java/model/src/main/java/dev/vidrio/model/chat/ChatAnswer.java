package dev.vidrio.model.chat;

import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.PartialMatch;
import dev.vidrio.template.AnswerParser;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.HarmonyParser;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.ToolCall;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads a chat model's answer while it is generated: the content to show, the reasoning before it,
 * and the tool calls, which are known when it has ended. Text that may begin a call is held back.
 * The pieces of content concatenate to the content of the message.
 *
 * <p>{@link ChatFormat#newAnswer} creates one. Pass it each {@link GeneratedToken} of a stream,
 * then call {@link #finish} and {@link #message}; or pass a whole {@link GenerationResult} to
 * {@link #read}. For one answer; not thread-safe.
 */
public final class ChatAnswer {
  private final Tokenizer tokenizer;
  private final boolean tools;
  private final ReasoningReader reasoning;

  /** Reads the answer with special tokens, which may mark tool calls. */
  private final ReasoningReader markedReasoning;

  private final StringBuilder opening = new StringBuilder();
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder marked = new StringBuilder();
  private @Nullable HarmonyParser harmony;
  private boolean mayBeHarmony = true;
  private final ContentTokens tokens = new ContentTokens();
  private int shown;
  private boolean callsOnly;
  private boolean endsInReasoning;
  private ChatMessage message = ChatMessage.assistant("");

  /**
   * Creates a reader of an empty answer.
   *
   * @param markers the model's markers of reasoning, or null if it has none
   * @param begun if true, the prompt ends with the opening mark of reasoning
   * @param tools if true, the prompt has tools; otherwise nothing is read as a call
   */
  ChatAnswer(
      Tokenizer tokenizer, @Nullable ReasoningMarkers markers, boolean begun, boolean tools) {
    // HarmonyParser reads the reasoning of Harmony channels.
    ReasoningMarkers read = ReasoningMarkers.HARMONY.equals(markers) ? null : markers;
    this.tokenizer = tokenizer;
    this.tools = tools;
    this.reasoning = new ReasoningReader(read, begun);
    this.markedReasoning = new ReasoningReader(read, begun);
  }

  /** Adds the next token and returns the content that may be shown now, often empty. */
  public String accept(GeneratedToken token) {
    boolean before = isReasoning();
    int begin = text.length();
    String content = content(reasoning.accept(token.text()));
    text.append(content);
    marked.append(harmony != null ? content : markedReasoning.accept(token.markedText()));
    if (token.id() >= 0) {
      tokens.add(begin, text.length(), before || isReasoning());
      if (reasoning.isAfterReasoning()) {
        tokens.dropSilent();
      }
    }
    if (!tools) {
      return show(text.length());
    }
    return show(AnswerParser.mayBeCall(marked) ? shown : text.length() - heldBack());
  }

  /** Adds a piece of text whose tokens are not known. */
  public String accept(String piece) {
    return accept(new GeneratedToken(-1, piece, piece, null));
  }

  /** Returns the part of a text that is content: all of it, unless the answer uses Harmony. */
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

  /** Returns the reasoning that was added since the last call. */
  public String reasoning() {
    return harmony == null ? reasoning.newReasoning() : harmony.newReasoning();
  }

  /** Returns whether the answer is inside its reasoning, as far as is known. */
  public boolean isReasoning() {
    return harmony == null ? reasoning.isReasoning() : harmony.isReasoning();
  }

  /** Returns the number of reasoning tokens so far, including its marks. */
  public int reasoningTokens() {
    return tokens.reasoning();
  }

  /**
   * Returns the indices, among all tokens of the answer, of those that form the content shown since
   * the last call. Tokens of reasoning, calls and stop strings are not included.
   */
  public List<Integer> newContentTokens() {
    return tokens.newContent(shown);
  }

  private String show(int end) {
    String now = text.substring(shown, Math.max(shown, end));
    shown += now.length();
    return now;
  }

  /** Returns the length of a partial call mark at the end of the text, with the space before it. */
  private int heldBack() {
    int end = text.length() - PartialMatch.length(text, AnswerParser.MARKS);
    while (end > shown && Character.isWhitespace(text.charAt(end - 1))) {
      end--;
    }
    return text.length() - end;
  }

  /** Requires the answer to be a call: if it is cut off, it has no content. */
  public ChatAnswer withCallsOnly() {
    callsOnly = true;
    return this;
  }

  /** Ends an answer that the model ended, and returns the remaining content to show. */
  public String finish() {
    return finish(FinishReason.STOP);
  }

  /**
   * Ends the answer and returns the remaining content to show. If the model did not end it itself,
   * an incomplete call or call mark is dropped.
   *
   * @param reason why generation ended
   */
  public String finish(FinishReason reason) {
    boolean cut = reason != FinishReason.STOP;
    String rest = content(reasoning.finish(cut));
    text.append(mayBeHarmony ? opening.toString() : rest);
    endsInReasoning = isReasoning();
    if (endsInReasoning) {
      tokens.countSilent();
    }
    String read = reasoning.reasoning();
    List<ToolCall> calls = List.of();
    if (harmony != null) {
      ChatMessage parsed = harmony.finish(cut);
      text.append(harmony.newContent());
      marked.setLength(0);
      marked.append(text);
      read = Objects.requireNonNullElse(parsed.reasoning(), "");
      calls = parsed.toolCalls();
    } else {
      marked.append(markedReasoning.finish(cut));
    }
    return end(read.isEmpty() ? null : read, calls, cut);
  }

  private String end(@Nullable String read, List<ToolCall> calls, boolean cut) {
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
    message = ChatMessage.assistant(silent ? null : content, read, found);
    return content.substring(Math.min(shownBefore, content.length()));
  }

  /** Returns where an incomplete call begins, or the length of the marked text if there is none. */
  private int begunCall() {
    if (callsOnly || AnswerParser.beginsWhole(marked)) {
      return 0;
    }
    return AnswerParser.MARKS.stream()
        .mapToInt(marked::indexOf)
        .filter(i -> i >= 0)
        .min()
        .orElse(marked.length() - PartialMatch.length(marked, AnswerParser.MARKS));
  }

  /** Returns whether the answer ended inside its reasoning. */
  public boolean endsInReasoning() {
    return endsInReasoning;
  }

  /** Returns where the text before the calls ends, if some of it has been shown. */
  private int beforeCalls() {
    int end =
        AnswerParser.MARKS.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(shown);
    return text.substring(0, end).stripTrailing().length();
  }

  /** Returns the message, after {@link #finish}. */
  public ChatMessage message() {
    return message;
  }

  /** Reads a whole answer and returns its message. */
  public ChatMessage read(GenerationResult result) {
    var decoder = new AnswerDecoder(tokenizer, List.of());
    String whole = result.text();
    int at = 0;
    for (int id : result.tokens()) {
      GeneratedToken token = decoder.accept(id);
      // The text ends before a stop string, whose tokens are in the result.
      int end = Math.min(at + token.text().length(), whole.length());
      var _ = accept(token.withText(whole.substring(at, end)));
      at = end;
    }
    var _ = accept(decoder.finish().withText(whole.substring(at)));
    var _ = finish(result.finish());
    return message;
  }
}
