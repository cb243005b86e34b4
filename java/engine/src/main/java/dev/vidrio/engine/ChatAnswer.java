package dev.vidrio.engine;

import dev.vidrio.model.template.AnswerParser;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.tokenizer.TokenDecoder;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.Objects;

/**
 * A chat model's answer as it comes: text that may be shown, and the calls of tools, which are
 * known when it has ended. What may be the beginning of a call is held back. The pieces of text put
 * together are the content of the message. For one answer and one thread.
 */
public final class ChatAnswer {
  /** What begins a call in the middle of an answer; {@link AnswerParser} has the forms. */
  private static final List<String> MARKS = List.of("<tool_call>", "[TOOL_CALLS]");

  /** What an answer begins with that is a call as a whole. */
  private static final List<String> WHOLE = List.of("{", "[", "<|");

  private final boolean tools;
  private final TokenDecoder decoder;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder marked = new StringBuilder();
  private int shown;
  private ChatMessage message = ChatMessage.assistant("");

  /**
   * Starts an answer.
   *
   * @param tools whether the model was given tools; where it was not, nothing is a call
   */
  public ChatAnswer(Tokenizer tokenizer, boolean tools) {
    this.tools = tools;
    this.decoder = tokenizer.streamingDecoder();
  }

  /** The message that a whole answer is. */
  public static ChatMessage message(
      Tokenizer tokenizer, Iterable<GeneratedToken> tokens, boolean tools) {
    var answer = new ChatAnswer(tokenizer, tools);
    for (GeneratedToken token : tokens) {
      var _ = answer.accept(token);
    }
    var _ = answer.finish();
    return answer.message();
  }

  /** Takes the next token and returns the text that may be shown now, often empty. */
  public String accept(GeneratedToken token) {
    text.append(token.text());
    if (!tools) {
      return show(text.length());
    }
    if (token.id() >= 0) {
      marked.append(decoder.accept(token.id()));
    }
    return show(mayBeCall() ? shown : text.length() - heldBack());
  }

  private String show(int end) {
    String now = text.substring(shown, Math.max(shown, end));
    shown += now.length();
    return now;
  }

  /** Whether everything that has not been shown may belong to a call. */
  private boolean mayBeCall() {
    String whole = marked.toString().stripLeading();
    return whole.isEmpty()
        || WHOLE.stream().anyMatch(whole::startsWith)
        || MARKS.stream().anyMatch(whole::contains);
  }

  /** Length of the end of the text that is the beginning of a mark, or space before one. */
  private int heldBack() {
    int held = 0;
    for (String mark : MARKS) {
      for (int n = Math.min(mark.length() - 1, text.length()); n > held; n--) {
        if (text.substring(text.length() - n).equals(mark.substring(0, n))) {
          held = n;
        }
      }
    }
    int end = text.length() - held;
    while (end > shown && Character.isWhitespace(text.charAt(end - 1))) {
      end--;
    }
    return text.length() - end;
  }

  /** Ends the answer and returns the text that is left to be shown. */
  public String finish() {
    marked.append(decoder.finish());
    message =
        tools
            ? AnswerParser.parse(text.toString(), marked.toString())
            : ChatMessage.assistant(text.toString());
    if (message.toolCalls().isEmpty()) {
      return show(text.length());
    }
    if (shown == 0) {
      return Objects.requireNonNullElse(message.content(), "");
    }
    String before = show(beforeCalls());
    message = ChatMessage.assistant(text.substring(0, shown), null, message.toolCalls());
    return before;
  }

  /** Where the text before the calls ends, of which some has been shown. */
  private int beforeCalls() {
    int end = MARKS.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(shown);
    return text.substring(0, end).stripTrailing().length();
  }

  /** The message, after {@link #finish}. */
  public ChatMessage message() {
    return message;
  }
}
