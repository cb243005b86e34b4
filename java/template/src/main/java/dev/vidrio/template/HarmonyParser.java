package dev.vidrio.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Parses a streamed answer in the harmony format of gpt-oss: parts, each with a channel and
 * sometimes a recipient.
 *
 * <pre>{@code
 * <|channel|>analysis<|message|>They greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello
 * <|channel|>commentary to=functions.clock <|constrain|>json<|message|>{"zone": "UTC"}
 * }</pre>
 *
 * <p>The channel {@code analysis} is reasoning, {@code final} and {@code commentary} are content,
 * and a part for {@code functions.NAME} is a call whose arguments are a JSON object. For one answer
 * and one thread.
 */
public final class HarmonyParser {
  /** What an answer in this format begins with. */
  private static final List<String> OPENINGS =
      List.of("<|channel|>", " to=functions.", "to=functions.");

  private static final String CHANNEL = "<|channel|>";
  private static final String MESSAGE = "<|message|>";

  /** What ends a part; models leave out all but the last now and then. */
  static final List<String> ENDS =
      List.of("<|end|>", "<|start|>", "<|channel|>", "<|call|>", "<|return|>");

  private static final Pattern END = Pattern.compile("<\\|(?:end|start|channel|call|return)\\|>");

  private static final Pattern NAME = Pattern.compile("<\\|channel\\|>\\s*(\\w+)");
  private static final Pattern RECIPIENT = Pattern.compile("\\bto=functions\\.([^\\s<]+)");

  private enum Kind {
    CONTENT,
    REASONING,
    CALL
  }

  private final boolean tools;
  private final StringBuilder rest = new StringBuilder();
  private final StringBuilder content = new StringBuilder();
  private final StringBuilder reasoning = new StringBuilder();
  private final StringBuilder arguments = new StringBuilder();
  private final List<ToolCall> calls = new ArrayList<>();
  private boolean inHeader = true;
  private Kind kind = Kind.CONTENT;
  private String called = "";
  private boolean cut;
  private int shownContent;
  private int shownReasoning;

  /**
   * Starts an answer.
   *
   * @param tools whether the model was given tools; where it was not, calls are content
   */
  public HarmonyParser(boolean tools) {
    this.tools = tools;
  }

  /** Whether an answer that has begun so is one in this format. */
  public static boolean begins(String text) {
    return OPENINGS.stream().anyMatch(text::startsWith);
  }

  /** Whether an answer that has begun so may become one in this format. */
  public static boolean mayBegin(String text) {
    return OPENINGS.stream().anyMatch(opening -> opening.startsWith(text));
  }

  /** Takes what comes next. */
  public void accept(String piece) {
    rest.append(piece);
    while (inHeader ? endsHeader() : endsBody()) {}
  }

  private boolean endsHeader() {
    int end = rest.indexOf(MESSAGE);
    if (end < 0) {
      return false;
    }
    String header = rest.substring(0, end);
    rest.delete(0, end + MESSAGE.length());
    Matcher recipient = RECIPIENT.matcher(header);
    Matcher name = NAME.matcher(header);
    if (tools && recipient.find()) {
      kind = Kind.CALL;
      called = recipient.group(1);
    } else {
      kind = name.find() && name.group(1).equals("analysis") ? Kind.REASONING : Kind.CONTENT;
      separate(kind == Kind.REASONING ? reasoning : content);
    }
    inHeader = false;
    return true;
  }

  /** Parts of one kind are paragraphs. */
  private static void separate(StringBuilder text) {
    if (!text.isEmpty()) {
      text.append("\n\n");
    }
  }

  private boolean endsBody() {
    Matcher mark = END.matcher(rest);
    boolean ends = mark.find();
    int end = ends ? mark.start() : rest.length() - heldBack();
    StringBuilder part =
        switch (kind) {
          case CONTENT -> content;
          case REASONING -> reasoning;
          case CALL -> arguments;
        };
    part.append(rest, 0, end);
    boolean isHeader = ends && mark.group().equals(CHANNEL);
    rest.delete(0, ends && !isHeader ? mark.end() : end);
    if (ends) {
      endCall();
      inHeader = true;
    }
    return ends;
  }

  /** Length of the end of what has come that may be the beginning of a mark. */
  private int heldBack() {
    int begin = rest.lastIndexOf("<");
    boolean isBegun =
        begin >= 0 && ENDS.stream().anyMatch(m -> m.startsWith(rest.substring(begin)));
    return isBegun ? rest.length() - begin : 0;
  }

  private void endCall() {
    if (kind != Kind.CALL) {
      return;
    }
    String json = arguments.toString();
    arguments.setLength(0);
    kind = Kind.CONTENT;
    try {
      Map<String, @Nullable Object> map =
          JsonMapper.shared().readValue(json.isBlank() ? "{}" : json, new TypeReference<>() {});
      calls.add(new ToolCall(null, called, new LinkedHashMap<>(map)));
    } catch (JacksonException e) {
      if (!cut) {
        separate(content);
        content.append(json);
      }
    }
  }

  /** Whether what comes is reasoning, or the beginning of a part of which that is not known. */
  public boolean thinks() {
    return inHeader || kind == Kind.REASONING;
  }

  /** The content that came since this was asked last. */
  public String newContent() {
    String piece = content.substring(shownContent);
    shownContent = content.length();
    return piece;
  }

  /** The reasoning that came since this was asked last. */
  public String newReasoning() {
    String piece = reasoning.substring(shownReasoning);
    shownReasoning = reasoning.length();
    return piece;
  }

  /**
   * Ends the answer and returns the message that it is.
   *
   * @param cut whether the model had not ended it: then a call may be a part of one, and is nothing
   */
  public ChatMessage finish(boolean cut) {
    this.cut = cut;
    if (!inHeader) {
      rest.append(ENDS.getFirst());
      accept("");
    }
    return ChatMessage.assistant(
        content.isEmpty() && !calls.isEmpty() ? null : content.toString(),
        reasoning.isEmpty() ? null : reasoning.toString(),
        calls);
  }
}
