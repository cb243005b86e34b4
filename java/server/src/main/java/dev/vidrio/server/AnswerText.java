package dev.vidrio.server;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GeneratedToken;
import dev.vidrio.model.template.AnswerParser;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.tokenizer.TokenDecoder;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.Objects;

/**
 * A chat model's answer as it comes: text that may be shown, and the calls of tools, which are
 * known when it has ended. What may be the beginning of a call is held back.
 */
final class AnswerText {
  private static final String CALL = "<tool_call>";
  private static final String CALLS = "[TOOL_CALLS]";

  private final boolean tools;
  private final boolean parallel;
  private final TokenDecoder decoder;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder marked = new StringBuilder();
  private int shown;
  private String content = "";
  private List<ToolCall> calls = List.of();

  /**
   * Starts an answer.
   *
   * @param tools whether the model was given tools
   * @param parallel whether it may call more than one; further calls are dropped
   */
  AnswerText(Tokenizer tokenizer, boolean tools, boolean parallel) {
    this.tools = tools;
    this.parallel = parallel;
    this.decoder = tokenizer.streamingDecoder();
  }

  /** An answer that has ended. */
  static AnswerText of(Tokenizer tokenizer, Completion completion, boolean parallel) {
    var answer = new AnswerText(tokenizer, true, parallel);
    answer.text.append(completion.result().text());
    for (int id : completion.result().tokens()) {
      answer.marked.append(answer.decoder.accept(id));
    }
    var _ = answer.finish();
    return answer;
  }

  /** Takes the next token and returns the text that may be shown now, often empty. */
  String accept(GeneratedToken token) {
    if (!tools) {
      return token.text();
    }
    if (token.id() >= 0) {
      marked.append(decoder.accept(token.id()));
    }
    text.append(token.text());
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
        || whole.startsWith("{")
        || whole.startsWith("[")
        || whole.startsWith("<|")
        || whole.contains(CALL)
        || whole.contains(CALLS);
  }

  /** Length of the longest end of the text that is the beginning of a call's mark. */
  private int heldBack() {
    for (int n = Math.min(CALL.length() - 1, text.length() - shown); n > 0; n--) {
      if (text.substring(text.length() - n).equals(CALL.substring(0, n))) {
        return n;
      }
    }
    return 0;
  }

  /** Ends the answer and returns the text that is left to be shown. */
  String finish() {
    if (!tools) {
      return "";
    }
    marked.append(decoder.finish());
    ChatMessage message = AnswerParser.parse(text.toString(), marked.toString());
    calls = message.toolCalls();
    if (!parallel && calls.size() > 1) {
      calls = calls.subList(0, 1);
    }
    if (calls.isEmpty()) {
      return show(text.length());
    }
    content = Objects.requireNonNullElse(message.content(), "");
    return shown == 0 ? content : show(text.indexOf(CALL));
  }

  /** The text before the calls, of an answer that has ended with some. */
  String content() {
    return content;
  }

  /** The calls of an answer that has ended. */
  List<ToolCall> calls() {
    return calls;
  }
}
