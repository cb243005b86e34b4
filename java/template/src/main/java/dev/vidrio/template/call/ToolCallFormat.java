package dev.vidrio.template.call;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The format in which a family of models writes tool calls, as data: what surrounds all calls, and
 * the patterns of a call and of a parameter. {@link ToolCallReader} reads calls by it, and {@code
 * Grammar.toolCalls} constrains a model to write them.
 *
 * <p>In patterns, {@code $name} is the function's name, {@code $id} the call's id, and one of
 * {@code $json}, {@code $parameters}, {@code $python} and {@code $gemma} the arguments; see {@link
 * Part.Variable}. White space in the texts is optional.
 *
 * <pre>{@code
 * {"name": "$name", "arguments": $json}            a JSON object
 * [TOOL_CALLS]$name[ARGS]$json                     a name, and the arguments as a JSON object
 * <function=$name>$parameters</function>           parameters, each <parameter=$key>$value</parameter>
 * $name($python)                                   an expression of Python
 * }</pre>
 *
 * <p>{@link dev.vidrio.template.ChatTemplate#toolCallFormat} determines a model's format from the
 * calls that its template writes.
 *
 * @param name the name of the format in documentation and errors
 * @param models the models that write it, for documentation
 * @param open begins the calls; empty if each call begins by itself
 * @param call the pattern of a call
 * @param parameter the pattern of a parameter, for {@link Part.Variable#PARAMETERS}; else empty
 * @param separator separates calls
 * @param close ends the calls
 * @see "docs/tools.md"
 */
public record ToolCallFormat(
    String name,
    String models,
    String open,
    List<Part> call,
    List<Part> parameter,
    String separator,
    String close) {

  private static final String JSON = "{\"name\": \"$name\", \"arguments\": $json}";
  private static final String JSON_AND_ID =
      "{\"name\": \"$name\", \"arguments\": $json, \"id\": \"$id\"}";
  private static final String COHERE =
      "{\"tool_call_id\": \"$index\", \"tool_name\": \"$name\", \"parameters\": $json}";

  /** JSON between the tags of Hermes 2 Pro; also read from models of other families. */
  public static final ToolCallFormat HERMES =
      calls(
          "hermes",
          "Qwen 2.5, Qwen 3, QwQ, Hermes 2 Pro and 3, Granite 4, MiMo-VL, Bielik, Reka Edge",
          "<tool_call>\n" + JSON + "\n</tool_call>",
          "\n");

  /** A bare JSON object, as in Llama 3. */
  public static final ToolCallFormat LLAMA =
      calls("llama", "Llama 3.1 to 3.3", "{\"name\": \"$name\", \"parameters\": $json}", "; ");

  /** JSON objects in a block of code; read from models of all families. */
  public static final ToolCallFormat FENCE =
      calls("fence", "", JSON, "\n").between("```json\n", "\n```");

  /** A list of JSON objects in a block of code. */
  static final ToolCallFormat FENCED_LIST =
      calls("fenced list", "", JSON, ", ").between("```json\n[", "]\n```");

  /** JSON objects in a block of code without a language. */
  static final ToolCallFormat PLAIN_FENCE =
      calls("plain fence", "", JSON, "\n").between("```\n", "\n```");

  /** A bare JSON object with arguments; also what gpt-oss is constrained to. */
  public static final ToolCallFormat OBJECT =
      calls("object", "", "{\"name\": \"$name\", \"arguments\": $json}", "; ");

  /** Surrounds the strings of Gemma 4. */
  public static final String GEMMA_QUOTE = "<|\"|>";

  /** A list of bare JSON objects. */
  static final ToolCallFormat OBJECTS = calls("objects", "", JSON, ", ").between("[", "]");

  /** A list of expressions of Python without marks, as Llama 3.2 and OLMo 3 write. */
  static final ToolCallFormat EXPRESSIONS =
      calls("expressions", "", "$name($python)", ", ").between("[", "]");

  /** The channels of gpt-oss, which {@link dev.vidrio.template.HarmonyParser} reads. */
  public static final ToolCallFormat HARMONY =
      calls(
          "harmony",
          "gpt-oss",
          "<|channel|>commentary to=functions.$name <|constrain|>json<|message|>$json",
          "<|start|>assistant");

  /** The known formats, in the order in which they are tried. */
  private static final List<ToolCallFormat> KNOWN =
      List.of(
          HERMES,
          calls(
                  "functions",
                  "Qwen3-Coder, Qwen 3.5, Nemotron 3, Step 3.5",
                  "<tool_call>\n<function=$name>\n$parameters</function>\n</tool_call>",
                  "\n")
              .withParameter("<parameter=$key>\n$value\n</parameter>\n"),
          calls(
                  "seed",
                  "Seed-OSS",
                  "<seed:tool_call>\n<function=$name>\n$parameters</function>\n</seed:tool_call>",
                  "\n")
              .withParameter("<parameter=$key>$value</parameter>\n"),
          calls(
                  "pairs",
                  "GLM 4.5 to 4.7, Ling 3, Laguna, Spark 2.5",
                  "<tool_call>$name\n$parameters</tool_call>",
                  "\n")
              .withParameter("<arg_key>$key</arg_key>\n<arg_value>$value</arg_value>\n"),
          calls(
                  "hunyuan",
                  "Hunyuan 3",
                  "<tool_call:opensource>$name<tool_sep:opensource>\n$parameters"
                      + "</tool_call:opensource>",
                  "\n")
              .withParameter(
                  """
                  <arg_key:opensource>$key</arg_key:opensource>
                  <arg_value:opensource>$value</arg_value:opensource>
                  """)
              .between("<tool_calls:opensource>\n", "\n</tool_calls:opensource>"),
          calls("mistral list", "Mistral Nemo", JSON_AND_ID, ", ").between("[TOOL_CALLS] [", "]"),
          calls(
              "mistral with ids",
              "Mistral Small 3.2",
              "[TOOL_CALLS]$name[CALL_ID]$id[ARGS]$json",
              ""),
          calls("mistral", "Ministral 3, Devstral", "[TOOL_CALLS]$name[ARGS]$json", ""),
          calls("granite", "Granite 3.3, Phi-4-mini", JSON, ", ").between("<|tool_call|> [", "]"),
          calls(
                  "deepseek r1",
                  "DeepSeek R1, V3",
                  "<｜tool▁call▁begin｜>function<｜tool▁sep｜>$name\n```json\n$json\n```"
                      + "<｜tool▁call▁end｜>",
                  "\n")
              .between("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
          calls(
                  "deepseek",
                  "DeepSeek V3.1",
                  "<｜tool▁call▁begin｜>$name<｜tool▁sep｜>$json<｜tool▁call▁end｜>",
                  "")
              .between("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
          invoke("dsml", "DeepSeek V4", "｜DSML｜", "tool_calls"),
          invoke("dsml functions", "DeepSeek V3.2", "｜DSML｜", "function_calls"),
          calls("invoke", "MiniMax M2", "<invoke name=\"$name\">\n$parameters</invoke>", "\n")
              .withParameter("<parameter name=\"$key\">$value</parameter>\n")
              .between("<minimax:tool_call>\n", "\n</minimax:tool_call>"),
          calls(
                  "elements",
                  "MiniMax M3",
                  "]<]minimax[>[<invoke name=\"$name\">$parameters]<]minimax[>[</invoke>",
                  "\n")
              .withParameter("]<]minimax[>[<$key>$value]<]minimax[>[</$key>")
              .between("]<]minimax[>[<tool_call>\n", "\n]<]minimax[>[</tool_call>"),
          calls("minicpm", "MiniCPM 5", "<function name=\"$name\">$parameters</function>", "\n")
              .withParameter("<param name=\"$key\">$value</param>"),
          calls(
                  "kimi",
                  "Kimi K2",
                  "<|tool_call_begin|>functions.$name:$index<|tool_call_argument_begin|>$json"
                      + "<|tool_call_end|>",
                  "")
              .between("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
          calls(
                  "kimi k3",
                  "Kimi K3",
                  "<|open|>call tool=\"$name\" index=\"$index\"<|sep|>$parameters"
                      + "<|close|>call<|sep|>",
                  "")
              .withParameter(
                  "<|open|>argument key=\"$key\" type=\"$type\"<|sep|>$value"
                      + "<|close|>argument<|sep|>")
              .between("<|open|>tools<|sep|>", "<|close|>tools<|sep|>"),
          calls("cohere", "Command R7B, Command A", COHERE, ",\n    ")
              .between("<|START_ACTION|>[\n    ", "\n]<|END_ACTION|>"),
          calls(
                  "command r",
                  "Command R+",
                  "{\"tool_name\": \"$name\", \"parameters\": $json}",
                  ",\n    ")
              .between("Action:\n```json\n[\n    ", "\n]\n```"),
          calls("apertus", "Apertus", "{\"$name\": $json}", ", ")
              .between("<|tools_prefix|>[", "]<|tools_suffix|>"),
          calls("list", "Apriel", JSON, ", ").between("<tool_calls>[", "]</tool_calls>"),
          calls("lines", "MiniMax M1", JSON, "\n").between("<tool_calls>\n", "\n</tool_calls>"),
          calls(
              "llama tag",
              "Llama 3.1 with built-in tools",
              "<|python_tag|>{\"name\": \"$name\", \"parameters\": $json}",
              ""),
          calls("nemotron", "Nemotron Nano 2", JSON, ", ").between("<TOOLCALL>[", "]</TOOLCALL>"),
          calls("gigachat", "GigaChat 3.1", "<|function_call|>" + JSON, ""),
          calls(
              "gigachat messages",
              "GigaChat 3",
              "<|message_sep|>\n\nfunction call<|role_sep|>\n" + JSON,
              ""),
          calls("functionary", "Functionary 3.1", "<function=$name>$json</function>", ""),
          calls("functools", "Firefunction 2", JSON, ", ").between(" functools[", "]"),
          calls(
                  "solar",
                  "Solar Open",
                  "<|tool_call:begin|>$id<|tool_call:name|>$name<|tool_call:args|>$json"
                      + "<|tool_call:end|>",
                  "")
              .between("<|tool_calls|>", "<|calls|>"),
          calls("python", "LFM2, LFM2.5", "$name($python)", ", ")
              .between("<|tool_call_start|>[", "]<|tool_call_end|>"),
          calls("gemma", "Gemma 4", "<|tool_call>call:$name$gemma<tool_call|>", ""),
          LLAMA);

  /** Copies the lists. */
  public ToolCallFormat {
    call = List.copyOf(call);
    parameter = List.copyOf(parameter);
  }

  private static ToolCallFormat calls(String name, String models, String call, String separator) {
    return new ToolCallFormat(name, models, "", Part.parse(call), List.of(), separator, "");
  }

  private static ToolCallFormat invoke(String name, String models, String mark, String tag) {
    return calls(
            name,
            models,
            "<" + mark + "invoke name=\"$name\">\n$parameters</" + mark + "invoke>",
            "\n")
        .withParameter(
            "<"
                + mark
                + "parameter name=\"$key\" string=\"$type\">$value</"
                + mark
                + "parameter>\n")
        .between("<" + mark + tag + ">\n", "\n</" + mark + tag + ">");
  }

  private ToolCallFormat withParameter(String pattern) {
    return new ToolCallFormat(name, models, open, call, Part.parse(pattern), separator, close);
  }

  private ToolCallFormat between(String begin, String end) {
    return new ToolCallFormat(name, models, begin, call, parameter, separator, end);
  }

  /** Returns the possible first keys of a call's object, in the spellings of all models. */
  public static Set<String> keys() {
    return ObjectReader.keys();
  }

  /** Returns the known formats, in the order in which a template's calls are tried. */
  public static List<ToolCallFormat> known() {
    return KNOWN;
  }

  /**
   * Returns the texts that begin a call within a response, without white space around them; empty
   * if calls begin with a JSON object.
   */
  public List<String> marks() {
    String begin = open.isEmpty() ? beginning() : open;
    if (begin.isBlank()) {
      return List.of();
    }
    String first = begin.strip().split("\\s+", -1)[0];
    String last = lastWord(begin);
    // Models leave out the opening text, or the first words of a call.
    if (!open.isEmpty() && !beginning().isBlank()) {
      return List.of(first, beginning().strip().split("\\s+", -1)[0]);
    }
    boolean mayBeginLater = open.isEmpty() && !parameter.isEmpty() && !last.equals(first);
    return mayBeginLater ? List.of(first, last) : List.of(first);
  }

  /**
   * Returns the marks of calls, or of the list of tools. Each template of the format's models
   * contains one of them.
   */
  public List<String> signs() {
    return name.equals("python")
        ? List.of("<|tool_call_start|>", "<|tool_list_start|>", "List of tools: [")
        : marks();
  }

  /** Returns the last word of a text. */
  static String lastWord(String text) {
    String[] words = text.strip().split("\\s+", -1);
    return words[words.length - 1];
  }

  /** Returns the literal text with which a call begins. */
  private String beginning() {
    return call.getFirst() instanceof Part.Text(String text) ? text : "";
  }

  /** Returns whether the opening text is written before calls only: not a bracket or a fence. */
  boolean isMarked() {
    return open.strip().length() > 1 && !open.startsWith("```");
  }

  /** Returns whether calls have ids, which then have nine letters and digits. */
  public boolean hasIds() {
    return call.stream()
        .anyMatch(
            part ->
                switch (part) {
                  case Part.Text _ -> false;
                  case Part.Slot(Part.Variable variable) -> variable == Part.Variable.ID;
                  case Part.Members(List<Part.Member> members) ->
                      members.stream().anyMatch(each -> each.value() == Part.Variable.ID);
                });
  }

  /** Returns all words of the format's literal texts: the special tokens among them are marks. */
  public List<String> words() {
    Stream<String> texts =
        Stream.concat(call.stream(), parameter.stream())
            .map(part -> part instanceof Part.Text(String text) ? text : "");
    return Stream.concat(Stream.of(open, separator, close), texts)
        .flatMap(text -> Stream.of(text.strip().split("\\s+", -1)))
        .filter(word -> !word.isEmpty())
        .toList();
  }
}
