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
 * Parses a streamed response in the harmony format of gpt-oss: messages, each with a channel and
 * sometimes a recipient.
 *
 * <pre>{@code
 * <|channel|>analysis<|message|>They greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello
 * <|channel|>commentary to=functions.clock <|constrain|>json<|message|>{"zone": "UTC"}
 * }</pre>
 *
 * <p>The channel {@code analysis} is reasoning, {@code final} and {@code commentary} are content,
 * and a message to {@code functions.NAME} is a tool call whose arguments are a JSON object. A
 * parser serves one response and is not thread-safe.
 *
 * @see <a href="https://github.com/openai/harmony">The harmony response format</a>
 */
public final class HarmonyParser {
  /** The beginnings of a response in this format. */
  private static final List<String> OPENINGS =
      List.of("<|channel|>", " to=functions.", "to=functions.");

  private static final String CHANNEL = "<|channel|>";
  private static final String MESSAGE = "<|message|>";

  /** The markers that end a message; models sometimes omit all but the last. */
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
   * Creates a parser for one response.
   *
   * @param tools whether the model was given tools; if not, calls are content
   */
  public HarmonyParser(boolean tools) {
    this.tools = tools;
  }

  /** Returns whether a partial response is in this format. */
  public static boolean begins(String text) {
    return OPENINGS.stream().anyMatch(text::startsWith);
  }

  /** Returns whether a partial response may turn out to be in this format. */
  public static boolean mayBegin(String text) {
    return OPENINGS.stream().anyMatch(opening -> opening.startsWith(text));
  }

  /** Parses the next piece of the response. */
  public void accept(String piece) {
    rest.append(piece);
    while (inHeader ? parseHeader() : parseBody()) {}
  }

  private boolean parseHeader() {
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

  /** Separates messages of one kind by a blank line. */
  private static void separate(StringBuilder text) {
    if (!text.isEmpty()) {
      text.append("\n\n");
    }
  }

  private boolean parseBody() {
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

  /** Returns the length of a suffix that may be the beginning of a marker. */
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

  /**
   * Returns whether the next piece is reasoning, or belongs to a header whose channel is not known
   * yet.
   */
  public boolean isReasoning() {
    return inHeader || kind == Kind.REASONING;
  }

  /** Returns the content since the last call. */
  public String newContent() {
    String piece = content.substring(shownContent);
    shownContent = content.length();
    return piece;
  }

  /** Returns the reasoning since the last call. */
  public String newReasoning() {
    String piece = reasoning.substring(shownReasoning);
    shownReasoning = reasoning.length();
    return piece;
  }

  /**
   * Ends the response and returns it as a message.
   *
   * @param cut true if the response was truncated: then an incomplete call is dropped
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
