package dev.vidrio.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.EbnfReader;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.RegexReader;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.program.Program;
import dev.vidrio.grammar.program.ProgramBuilder;
import dev.vidrio.grammar.schema.SchemaJson;
import dev.vidrio.grammar.schema.SchemaReader;
import dev.vidrio.grammar.schema.ToolCallRules;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.call.ToolCallFormat;
import java.lang.ref.SoftReference;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A set of texts to which a model's output is constrained: structured output.
 *
 * <p>A grammar is made from a JSON schema, a regular expression, an EBNF grammar or a list of
 * choices:
 *
 * {@snippet file="GrammarExamples.java" region="grammar"}
 *
 * <p>It is independent of tokenizers. Pass it to {@code GenerationOptions.withGrammar}, or combine
 * it with a tokenizer in a {@link TokenConstraint} for a decoding loop of your own. The output then
 * always matches the grammar if generation ends normally, and is a prefix of a matching text if it
 * ends at a length limit.
 *
 * <p>The factory methods throw {@link InvalidInputException} for a source that is malformed, uses
 * an unsupported feature (named in the message; nothing is ignored), is unsatisfiable, or exceeds a
 * limit: 1 Mi characters, 100 levels of groups, 10 000 repetitions, 200 000 instructions of the
 * compiled program. Compilation time is proportional to these. Matching reads each byte once and
 * never backtracks.
 *
 * <p>Instances are immutable and thread-safe. A source that is still in use as a grammar is not
 * compiled again: the factory methods return the existing instance.
 *
 * @see "docs/structured-output.md"
 */
public final class Grammar {
  private static final int MAX_SOURCE = 1 << 20;
  private static final GrammarInterner KNOWN = new GrammarInterner();

  private final String kind;
  private final String source;
  private final Map<String, Object> definition;
  private final Rules rules;
  private final Program program;

  /** The automaton of {@link #matches}, with the transitions that earlier calls computed. */
  private volatile SoftReference<Pushdown> matcher = new SoftReference<>(null);

  Grammar(String kind, String source, Map<String, Object> definition, Rules rules) {
    this.kind = kind;
    this.source = source;
    this.definition = definition;
    this.rules = rules;
    this.program = ProgramBuilder.build(rules);
  }

  /**
   * Returns the grammar of the JSON texts that are valid under a schema (JSON Schema draft 2020-12,
   * and the spellings of drafts 4 to 7). Required properties come in the schema's order, and white
   * space is bounded: none, one space, or a line break with indentation.
   *
   * @param schema the schema as JSON text
   * @see <a href="https://json-schema.org/draft/2020-12/schema">JSON Schema draft 2020-12</a>
   */
  public static Grammar jsonSchema(String schema) {
    String field = "JSON schema";
    return KNOWN.get(
        field,
        checked(field, schema),
        GrammarDefinition.ofText(GrammarDefinition.SCHEMA, schema),
        () -> SchemaReader.read(schema));
  }

  /**
   * Returns the grammar of the JSON texts that are valid under a schema.
   *
   * @param schema the schema as Java types: {@code Map} with {@code String} keys, {@code List},
   *     {@code String}, {@code Boolean}, {@code Number} and null
   */
  public static Grammar jsonSchema(Map<String, ? extends @Nullable Object> schema) {
    return jsonSchema(SchemaJson.write(schema));
  }

  /** Returns the grammar of all JSON objects. */
  public static Grammar json() {
    return jsonSchema("{\"type\":\"object\"}");
  }

  /**
   * Returns the grammar of the texts that match a regular expression as a whole. Syntax and meaning
   * are those of ECMA-262 with the flag {@code u}, without nonregular features: lookahead and
   * lookbehind, word boundaries, backreferences.
   */
  public static Grammar regex(String regex) {
    String field = "regular expression";
    return KNOWN.get(
        field,
        checked(field, regex),
        GrammarDefinition.ofText(GrammarDefinition.REGEX, regex),
        () -> Rules.of(field, rules -> RegexReader.whole(field, regex)));
  }

  /**
   * Returns the grammar of the rule {@code root} of a grammar in GBNF, llama.cpp's dialect of EBNF,
   * without its references to tokens. Left recursion is not supported.
   *
   * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md">GBNF</a>
   */
  public static Grammar ebnf(String grammar) {
    String field = "EBNF grammar";
    return KNOWN.get(
        field,
        checked(field, grammar),
        GrammarDefinition.ofText(GrammarDefinition.EBNF, grammar),
        () -> EbnfReader.read(field, grammar));
  }

  /** Returns the grammar of a list of texts. */
  public static Grammar choice(List<String> choices) {
    String field = "choices";
    if (choices.isEmpty()) {
      throw new InvalidInputException(field, "", "must not be empty");
    }
    String source = checked(field, SchemaJson.write(choices));
    return KNOWN.get(
        field,
        source,
        GrammarDefinition.ofChoices(choices),
        () -> Rules.of(field, rules -> Expr.choice(choices.stream().map(rules::text).toList())));
  }

  /**
   * Returns the grammar of calls of one or several tools in a model's format: one call, or up to 16
   * if there may be several.
   *
   * @param format the model's format
   * @param tools the tools, as in {@link dev.vidrio.template.ChatOptions#tools}; arguments are
   *     constrained by the schema of the parameters
   * @param several whether there may be more than one call
   */
  public static Grammar toolCalls(
      ToolCallFormat format, List<Map<String, @Nullable Object>> tools, boolean several) {
    return KNOWN.get(
        several ? "tool calls" : "tool call",
        source(format, tools),
        GrammarDefinition.ofCalls(GrammarDefinition.CALLS, format, tools, several),
        () -> ToolCallRules.of(format, tools, several));
  }

  /**
   * Returns the grammar of any response of a chat model in which tool calls in the model's format,
   * if there are any, are those of {@link #toolCalls}.
   */
  public static Grammar answerWithCalls(
      ToolCallFormat format, List<Map<String, @Nullable Object>> tools, boolean several) {
    return KNOWN.get(
        several ? "answer with tool calls" : "answer with a tool call",
        source(format, tools),
        GrammarDefinition.ofCalls(GrammarDefinition.ANSWER, format, tools, several),
        () -> ToolCallRules.inAnswer(format, tools, several));
  }

  private static String source(ToolCallFormat format, List<Map<String, @Nullable Object>> tools) {
    return checked(ToolCallRules.FIELD, SchemaJson.write(List.of(format.name(), tools)));
  }

  /**
   * Returns the constraint on a chat model's response, or null if there is none.
   *
   * @param format the format of the model's calls
   * @param tools the available tools, as in {@link #toolCalls}
   * @param mustCall whether the model must call one of them
   * @param form the grammar of a response that is not a call, or null for any text
   */
  public static @Nullable Grammar chatAnswer(
      ToolCallFormat format,
      List<Map<String, @Nullable Object>> tools,
      boolean mustCall,
      @Nullable Grammar form) {
    if (mustCall) {
      return toolCalls(format, tools, false);
    }
    return form == null || tools.isEmpty() ? form : toolCalls(format, tools, false).or(form);
  }

  /** Returns the union of this grammar and another. */
  public Grammar or(Grammar other) {
    String either = kind + " or " + other.kind;
    return KNOWN.get(
        either,
        SchemaJson.write(List.of(source, other.source)),
        GrammarDefinition.ofUnion(this, other),
        () ->
            Rules.of(either, both -> Expr.choice(both.include(rules), both.include(other.rules))));
  }

  /**
   * Returns the grammar of unconstrained reasoning followed by a text of this grammar.
   *
   * @param open whether the prompt ends with open reasoning, which is closed first
   */
  public Grammar afterReasoning(ReasoningMarkers markers, boolean open) {
    String name = kind + (open ? " after open reasoning" : " after reasoning");
    return KNOWN.get(
        name,
        SchemaJson.write(List.of(markers.open(), markers.close(), source)),
        GrammarDefinition.afterReasoning(markers, open, this),
        () -> ReasoningRules.before(rules, markers, open));
  }

  private static String checked(String field, String source) {
    if (source.length() > MAX_SOURCE) {
      throw new InvalidInputException(
          field, source.length() + " characters", "must be at most " + MAX_SOURCE);
    }
    return source;
  }

  /**
   * Returns the definition from which {@link #of} makes this grammar again, for example in a
   * receipt: an object with one field, named after the kind of the grammar, as JSON made of maps,
   * lists, texts and booleans.
   */
  public Map<String, Object> definition() {
    return definition;
  }

  /**
   * Returns the grammar of a definition.
   *
   * @param definition a result of {@link #definition}, also after it was written as JSON
   * @throws InvalidInputException if it is malformed or its source is rejected
   */
  public static Grammar of(Map<String, ? extends @Nullable Object> definition) {
    return GrammarDefinition.read(definition, 0);
  }

  /** Returns the names of the special tokens that are allowed where their text is. */
  Set<String> marks() {
    return rules.marks();
  }

  Program program() {
    return program;
  }

  /** Returns whether a text belongs to this grammar. */
  public boolean matches(String text) {
    Pushdown pushdown = matcher.get();
    if (pushdown == null) {
      pushdown = new Pushdown(program);
      matcher = new SoftReference<>(pushdown);
    }
    Pushdown.State state = pushdown.start();
    for (byte value : text.getBytes(UTF_8)) {
      pushdown.allowWork();
      state = pushdown.next(state, Byte.toUnsignedInt(value));
    }
    return state.accepting;
  }

  /** Returns whether the other grammar has the same kind and an identical source. */
  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Grammar other && kind.equals(other.kind) && source.equals(other.source);
  }

  @Override
  public int hashCode() {
    return source.hashCode();
  }

  /** Returns kind and source. */
  @Override
  public String toString() {
    return kind + " " + source;
  }
}
