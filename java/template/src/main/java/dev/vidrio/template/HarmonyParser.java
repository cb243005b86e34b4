package dev.vidrio.template;

import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ReadCall;
import dev.vidrio.template.call.ToolCallReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

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
 * and a message to {@code functions.NAME} is a tool call with a JSON object as arguments. A parser
 * serves one response and is not thread-safe.
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

  private final @Nullable ParameterTypes tools;
  private final StringBuilder rest = new StringBuilder();
  private final StringBuilder content = new StringBuilder();
  private final StringBuilder reasoning = new StringBuilder();
  private final StringBuilder written = new StringBuilder();
  private final List<ReadCall> calls = new ArrayList<>();

  /**
   * The number of characters of the rest that were read, and are removed once a piece was parsed.
   */
  private int at;

  /** The position from which the end of a header is searched. */
  private int searched;

  private boolean inHeader = true;
  private Kind kind = Kind.CONTENT;
  private @Nullable ReadCall call;
  private boolean cut;
  private int shownContent;
  private int shownReasoning;

  /**
   * Creates a parser for one response.
   *
   * @param tools the tools; calls of others are content. Null if the model was given none
   */
  public HarmonyParser(@Nullable ParameterTypes tools) {
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
    rest.delete(0, at);
    searched = Math.max(0, searched - at);
    at = 0;
  }

  private boolean parseHeader() {
    int end = rest.indexOf(MESSAGE, Math.max(at, searched));
    if (end < 0) {
      searched = rest.length() - MESSAGE.length() + 1;
      return false;
    }
    String header = rest.substring(at, end);
    at = end + MESSAGE.length();
    Matcher recipient = RECIPIENT.matcher(header);
    Matcher name = NAME.matcher(header);
    if (tools != null
        && calls.size() < ToolCallReader.MAX_CALLS
        && recipient.find()
        && tools.contains(recipient.group(1))) {
      kind = Kind.CALL;
      call = new ReadCall(recipient.group(1), null);
    } else {
      String channel = "";
      while (name.find()) {
        channel = name.group(1);
      }
      kind = channel.equals("analysis") ? Kind.REASONING : Kind.CONTENT;
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
    boolean ends = mark.find(at);
    int end = ends ? mark.start() : rest.length() - heldBack();
    switch (kind) {
      case CONTENT -> content.append(rest, at, end);
      case REASONING -> reasoning.append(rest, at, end);
      case CALL -> {
        written.append(rest, at, end);
        Objects.requireNonNull(call).addJson(rest, at, end);
      }
    }
    boolean isHeader = ends && mark.group().equals(CHANNEL);
    at = ends && !isHeader ? mark.end() : end;
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
        begin >= at && ENDS.stream().anyMatch(m -> m.startsWith(rest.substring(begin)));
    return isBegun ? rest.length() - begin : 0;
  }

  private void endCall() {
    if (kind != Kind.CALL) {
      return;
    }
    ReadCall read = Objects.requireNonNull(call);
    call = null;
    kind = Kind.CONTENT;
    String json = written.toString();
    written.setLength(0);
    if (read.complete()) {
      calls.add(read);
    } else if (!cut) {
      separate(content);
      content.append(json);
    }
  }

  /** Returns the calls so far. The last one may be incomplete. */
  public List<ReadCall> calls() {
    return Stream.concat(calls.stream(), Stream.ofNullable(call)).toList();
  }

  /**
   * Returns whether the next piece is reasoning, or belongs to a header with a channel that is not
   * known yet.
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
        calls.stream().flatMap(each -> ToolCall.of(each).stream()).toList());
  }
}
