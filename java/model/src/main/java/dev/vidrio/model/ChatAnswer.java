package dev.vidrio.model;

import dev.vidrio.model.template.AnswerParser;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.HarmonyParser;
import dev.vidrio.model.tokenizer.TokenDecoder;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A chat model's answer as it comes: text that may be shown, the reasoning of models that mark it,
 * and the calls of tools, which are known when it has ended. What may be the beginning of a call is
 * held back. The pieces of text put together are the content of the message. For one answer and one
 * thread.
 */
public final class ChatAnswer {
  private final boolean tools;
  private final @Nullable TokenDecoder decoder;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder marked = new StringBuilder();
  private @Nullable HarmonyParser harmony;
  private boolean mayBeHarmony = true;
  private int shown;
  private ChatMessage message = ChatMessage.assistant("");

  /**
   * Starts an answer.
   *
   * @param tools whether the model was given tools; where it was not, nothing is a call
   */
  public ChatAnswer(Tokenizer tokenizer, boolean tools) {
    this(tools, tokenizer.streamingDecoder());
  }

  private ChatAnswer(boolean tools, @Nullable TokenDecoder decoder) {
    this.tools = tools;
    this.decoder = decoder;
  }

  /** Starts an answer of whose tokens only the text is known. */
  static ChatAnswer ofText(boolean tools) {
    return new ChatAnswer(tools, null);
  }

  /** The message that a whole answer is. */
  public static ChatMessage message(Tokenizer tokenizer, GenerationResult result, boolean tools) {
    if (!tools) {
      var parser = new HarmonyParser(false);
      parser.accept(result.text());
      return HarmonyParser.begins(result.text())
          ? parser.finish()
          : ChatMessage.assistant(result.text());
    }
    int[] tokens = result.tokens().stream().mapToInt(i -> i).toArray();
    return AnswerParser.parse(result.text(), tokenizer.decode(tokens));
  }

  /**
   * Takes what comes next and returns the text that may be shown now, often empty.
   *
   * @param token the next token; negative where there is only text
   * @param piece the text that came with it: what {@link AnswerText} lets through
   */
  public String accept(int token, String piece) {
    text.append(piece);
    if (decoder == null) {
      marked.append(piece);
    } else if (token >= 0) {
      marked.append(decoder.accept(token));
    }
    if (isHarmony(piece)) {
      return harmony == null ? "" : harmony.newContent();
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

  /** Whether the answer is, or may become, one in the format of {@link HarmonyParser}. */
  private boolean isHarmony(String piece) {
    if (harmony != null) {
      harmony.accept(piece);
    } else if (mayBeHarmony && HarmonyParser.begins(text.toString())) {
      harmony = new HarmonyParser(tools);
      harmony.accept(text.toString());
    } else {
      mayBeHarmony &= HarmonyParser.mayBegin(text.toString());
    }
    return harmony != null || mayBeHarmony;
  }

  /** The reasoning that came since this was asked last, of models that mark it. */
  public String reasoning() {
    return harmony == null ? "" : harmony.newReasoning();
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
    if (decoder != null) {
      marked.append(decoder.finish());
    }
    if (harmony != null) {
      message = harmony.finish();
      return harmony.newContent();
    }
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
    int end =
        AnswerParser.MARKS.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(shown);
    return text.substring(0, end).stripTrailing().length();
  }

  /** The message, after {@link #finish}. */
  public ChatMessage message() {
    return message;
  }
}
