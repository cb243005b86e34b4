package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;

import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.Part;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads a model's answer with reasoning and tool calls. The first three bytes choose the format of
 * calls, the options and the division of the rest into pieces: pieces and tokens give the message
 * that the whole text gives, and the content of pieces concatenates to its content.
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
              JsonMapper.shared()
                  .readValue(
                      """
                  {"name": "clock", "parameters": {"type": "object", "properties": {
                   "zone": {"type": "string"}, "at": {"type": "integer"},
                   "list": {"type": "array", "items": {"$ref": "#/$defs/pair"}},
                   "any": {"anyOf": [{"type": "number"}, {"type": ["null", "boolean"]}]},
                   "one": {"enum": [1, "a", null, true, [2], {"b": 3}]}, "two": {"const": 2},
                   "all": {"allOf": [{"type": ["string", "integer"]}, {"oneOf": [
                    {"type": "integer"}, {"properties": {"a": {"type": "null"}}}]}]}},
                   "$defs": {"pair": {"type": "object", "properties": {
                    "a": {"type": "string"}, "b": {"$ref": "#/$defs/pair"}}}}}}
                  """,
                      new TypeReference<Map<String, Object>>() {}),
              Map.of("name", "f")));

  /** The beginning of an answer that is given with the prompt, as tokens. */
  private static final int[] GIVEN = TOKENIZER.encode("<think>So", EncodeOptions.DEFAULT);

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
    String all = content == null ? "" : content;
    boolean given = data[1] < 0; // the message has the given beginning too
    Oracle.require(given ? all.endsWith(one) : all.equals(one), "content of pieces and message");
    ChatAnswer tokens = answer(data[0], data[1]);
    List<Integer> ids =
        Arrays.stream(TOKENIZER.encode(text, EncodeOptions.DEFAULT)).boxed().toList();
    var _ = tokens.read(new GenerationResult(text, ids, 1, reason));
    var _ = tokens.newContentTokens();
    Oracle.requireEqual(described(whole), described(tokens), "whole and tokens");
    Oracle.require(
        tokens.reasoningTokens() <= ids.size()
            && whole.endsInReasoning() == tokens.endsInReasoning(),
        "reasoning of whole and tokens");
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
      ChatAnswer answer =
          CONSTRUCTORS.answer.newInstance(
              TOKENIZER, MARKERS.get(options >> 4 & MARKERS.size() - 1), begun, given);
      if ((options & 64) != 0) {
        var _ = answer.withCallsOnly();
      }
      return options < 0 ? answer.beginWith(GIVEN) : answer;
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("ChatAnswer has changed", e);
    }
  }

  /** Returns texts with calls in each format, with and without reasoning. */
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
            "{" + json + "}",
            "text\n" + json + "\nmore");
    for (String text : texts) {
      for (int options : new int[] {0, 0x11, 0x20, 0x26, 0x40, 0x90, 0xa1}) {
        seeds.add(seed(0, options, text));
      }
    }
    for (int i = 0; i < FORMATS.size(); i++) {
      ToolCallFormat format = FORMATS.get(i);
      for (Written value : VALUES) {
        String call = written(format.call(), format, value);
        seeds.add(
            seed(i, 0, "A " + format.open() + call + format.separator() + call + format.close()));
      }
    }
    return seeds;
  }

  /** An argument of a call: its key, and its value in JSON, in Python, and as nested elements. */
  private record Written(String key, String json, String python, String elements) {}

  private static final List<Written> VALUES =
      List.of(
          new Written("zone", "\"UTC\"", "'UTC'", "UTC"),
          new Written("at", "3", "3", "3"),
          new Written(
              "list",
              "[{\"a\": \"x\", \"b\": {\"a\": null}}]",
              "[{'a': \"x\", 'b': {'a': (None, True), }}, (), -1.5e3, '\\x41\\u00e9\\/\\n\\q']",
              "<item><a>x</a><b><a>y</a></b></item><item><a><a>z</a></a></item>"),
          new Written("any", "null", "None", "null"),
          new Written("one", "[2]", "[2]", "[2]"),
          new Written("two", "2", "2", "2"),
          new Written("all", "\"s\"", "'s'", "7"),
          new Written("other", "{}", "{}", "text"));

  private static String written(List<Part> parts, ToolCallFormat format, Written value) {
    return parts.stream().map(part -> written(part, format, value)).collect(joining());
  }

  private static String written(Part part, ToolCallFormat format, Written value) {
    return switch (part) {
      case Part.Text(String text) -> text;
      case Part.Slot(Part.Variable variable) -> written(variable, format, value);
      case Part.Members(List<Part.Member> members) ->
          members.stream()
              .map(
                  member ->
                      "\""
                          + member.key().replace("$name", "clock")
                          + "\": "
                          + quoted(member.value(), format, value))
              .collect(joining(", ", "{", "}"));
    };
  }

  private static String quoted(Part.Variable variable, ToolCallFormat format, Written value) {
    String text = written(variable, format, value);
    return variable == Part.Variable.JSON ? text : "\"" + text + "\"";
  }

  private static String written(Part.Variable variable, ToolCallFormat format, Written value) {
    return switch (variable) {
      case NAME -> "clock";
      case ID -> "abcdef123";
      case INDEX -> "0";
      case JSON -> "{\"" + value.key + "\": " + value.json + "}";
      case PYTHON -> value.key + "=" + value.python;
      case GEMMA -> "{" + value.key + ":" + value.json.replace("\"", "<|\"|>") + "}";
      case PARAMETERS -> written(format.parameter(), format, value);
      case KEY -> value.key;
      case VALUE ->
          format.name().equals("elements")
              ? value.elements.replace("<", "]<]minimax[>[<")
              : value.python;
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
