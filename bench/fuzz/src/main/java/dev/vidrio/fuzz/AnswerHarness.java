package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;

import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.Part;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Reads a model's answer with reasoning and tool calls. The first three bytes choose the format of
 * calls, the options and the division of the rest into pieces: pieces give the message that the
 * whole text gives, and their content concatenates to its content.
 */
public final class AnswerHarness {
  private static final Tokenizer TOKENIZER = new ByteTokenizer();
  private static final Constructors CONSTRUCTORS = Constructors.find();
  private static final List<ToolCallFormat> FORMATS = ToolCallFormat.known();

  private static final List<@Nullable ReasoningMarkers> MARKERS =
      Arrays.asList(
          null,
          ReasoningMarkers.HARMONY,
          ReasoningMarkers.of("<think></think>").orElse(null),
          ReasoningMarkers.of("<|channel>thought <channel|>").orElse(null));

  private static final ParameterTypes TYPES =
      new ParameterTypes(
          List.of(
              Map.of(
                  "name",
                  "clock",
                  "parameters",
                  Map.of(
                      "type",
                      "object",
                      "properties",
                      Map.of("zone", Map.of("type", "string"), "at", Map.of("type", "integer")))),
              Map.of("name", "f")));

  private static final int OPTIONS = 3;

  private AnswerHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    if (data.length < OPTIONS) {
      return;
    }
    String text = new String(data, OPTIONS, data.length - OPTIONS, UTF_8);
    ChatAnswer whole = answer(data[0], data[1]);
    ChatAnswer divided = answer(data[0], data[1]);
    FinishReason reason = (data[1] & 1) == 0 ? FinishReason.STOP : FinishReason.LENGTH;
    String one = whole.accept(text) + whole.finish(reason);
    StringBuilder shown = new StringBuilder();
    for (String piece : pieces(text, data[2])) {
      shown.append(divided.accept(piece));
      var _ = divided.reasoning();
      var _ = divided.calls();
    }
    shown.append(divided.finish(reason));
    Oracle.requireEqual(described(whole), described(divided), "whole and pieces");
    Oracle.requireEqual(one, shown.toString(), "content of whole and pieces");
    String content = whole.message().content();
    Oracle.requireEqual(one, content == null ? "" : content, "pieces and message");
  }

  private static String described(ChatAnswer answer) {
    ChatMessage message = answer.message();
    return message.content() + "\n" + message.reasoning() + "\n" + message.toolCalls();
  }

  private static List<String> pieces(String text, byte seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> pieces = new ArrayList<>();
    for (int at = 0; at < text.length(); ) {
      int end = Math.min(text.length(), at + 1 + random.nextInt(6));
      pieces.add(text.substring(at, end));
      at = end;
    }
    return pieces;
  }

  /** The constructors that the chat format of a model uses. */
  private record Constructors(Constructor<?> tools, Constructor<ChatAnswer> answer) {
    static Constructors find() {
      try {
        Class<?> tools = Class.forName(ChatAnswer.class.getName() + "$Tools");
        Constructor<?> newTools =
            tools.getDeclaredConstructor(ToolCallFormat.class, ParameterTypes.class, boolean.class);
        Constructor<ChatAnswer> newAnswer =
            ChatAnswer.class.getDeclaredConstructor(
                Tokenizer.class, ReasoningMarkers.class, boolean.class, tools);
        newTools.setAccessible(true);
        newAnswer.setAccessible(true);
        return new Constructors(newTools, newAnswer);
      } catch (ReflectiveOperationException e) {
        throw new LinkageError("ChatAnswer has changed", e);
      }
    }
  }

  private static ChatAnswer answer(byte format, byte options) {
    boolean isStrict = (options & 2) != 0;
    boolean begun = (options & 4) != 0;
    boolean hasTools = (options & 8) == 0;
    try {
      Object given =
          hasTools
              ? CONSTRUCTORS.tools.newInstance(
                  FORMATS.get(Byte.toUnsignedInt(format) % FORMATS.size()), TYPES, isStrict)
              : null;
      return CONSTRUCTORS.answer.newInstance(
          TOKENIZER, MARKERS.get(options >> 4 & MARKERS.size() - 1), begun, given);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("ChatAnswer has changed", e);
    }
  }

  /** Returns a text with a call in each format, with and without reasoning. */
  public static List<byte[]> seeds() {
    List<byte[]> seeds = new ArrayList<>();
    String json = "{\"name\": \"clock\", \"arguments\": {\"zone\": \"UTC\", \"at\": 3}}";
    List<String> texts =
        List.of(
            "Hello <b>. ",
            "<think>It asks.</think>\n\nNoon",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>A",
            "<|channel|>commentary to=functions.clock <|constrain|>json<|message|>{\"at\":"
                + " 3}<|call|>",
            "<tool_call>\n" + json + "\n</tool_call>",
            " Before.\n<tool_call>" + json + "</tool_call> After",
            "```json\n" + json + "\n```",
            "text\n" + json + "\nmore");
    for (int i = 0; i < texts.size(); i++) {
      for (int options : new int[] {0, 0x11, 0x20, 0x26}) {
        seeds.add(seed(0, options, texts.get(i)));
      }
    }
    for (int i = 0; i < FORMATS.size(); i++) {
      ToolCallFormat format = FORMATS.get(i);
      String call = format.call().stream().map(part -> written(part, format)).collect(joining());
      seeds.add(
          seed(i, 0, "A " + format.open() + call + format.separator() + call + format.close()));
    }
    return seeds;
  }

  private static String written(Part part, ToolCallFormat format) {
    return switch (part) {
      case Part.Text(String text) -> text;
      case Part.Slot(Part.Variable variable) -> written(variable, format);
      case Part.Members(List<Part.Member> members) ->
          members.stream()
              .map(
                  member ->
                      "\""
                          + member.key().replace("$name", "clock")
                          + "\": "
                          + quoted(member.value(), format))
              .collect(joining(", ", "{", "}"));
    };
  }

  private static String quoted(Part.Variable variable, ToolCallFormat format) {
    String text = written(variable, format);
    return variable == Part.Variable.JSON ? text : "\"" + text + "\"";
  }

  private static String written(Part.Variable variable, ToolCallFormat format) {
    return switch (variable) {
      case NAME -> "clock";
      case ID -> "abcdef123";
      case INDEX -> "0";
      case JSON -> "{\"zone\": \"UTC\", \"at\": 3}";
      case PYTHON -> "zone='UTC', at=3";
      case GEMMA -> "{at:3,zone:<|\"|>UTC<|\"|>}";
      case PARAMETERS ->
          format.parameter().stream().map(part -> written(part, format)).collect(joining());
      case KEY -> "zone";
      case VALUE -> "UTC";
      case TYPE -> "string";
    };
  }

  private static byte[] seed(int format, int options, String text) {
    byte[] utf8 = text.getBytes(UTF_8);
    byte[] data = new byte[OPTIONS + utf8.length];
    data[0] = (byte) format;
    data[1] = (byte) options;
    data[2] = 1;
    System.arraycopy(utf8, 0, data, OPTIONS, utf8.length);
    return data;
  }
}
