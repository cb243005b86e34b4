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
import dev.vidrio.template.ThoughtMarks;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A set of texts that a model may generate. Immutable, and independent of tokenizers: {@link
 * TokenConstraint} combines the two.
 *
 * <p>A source that is still in use as a grammar is not read again: the factory methods return that
 * instance.
 *
 * <p>The factory methods throw {@link InvalidInputException} for a source that is malformed,
 * unsupported (by name: nothing is ignored), allows no text, or is too large: 1 Mi characters, 100
 * levels of groups, 10 000 repetitions, 200 000 places of the graph that it becomes. They take time
 * in proportion to these. Matching looks at each byte once and never backtracks.
 */
public final class Grammar {
  private static final int MAX_SOURCE = 1 << 20;
  private static final KnownGrammars KNOWN = new KnownGrammars();

  private final String kind;
  private final String source;
  private final Rules rules;
  private final Program program;

  Grammar(String kind, String source, Rules rules) {
    this.kind = kind;
    this.source = source;
    this.rules = rules;
    this.program = ProgramBuilder.build(rules);
  }

  /**
   * The JSON texts of a schema, in the dialect of docs/structured-output.md: properties that are
   * required come in the schema's order, and white space is one blank, or a new line with an
   * indentation.
   */
  public static Grammar jsonSchema(String schema) {
    String field = "JSON schema";
    return KNOWN.get(field, checked(field, schema), () -> SchemaReader.read(schema));
  }

  /**
   * The same for a schema as Java's own types.
   *
   * @param schema {@code Map} with {@code String} keys, {@code List}, {@code String}, {@code
   *     Boolean}, {@code Number} and null
   */
  public static Grammar jsonSchema(Map<String, ? extends @Nullable Object> schema) {
    return jsonSchema(SchemaJson.write(schema));
  }

  /** All JSON objects. */
  public static Grammar json() {
    return jsonSchema("{\"type\":\"object\"}");
  }

  /**
   * The texts that match a regular expression as a whole. Syntax and meaning are those of ECMA-262
   * with the flag {@code u}, without what is not regular: look-ahead and look-behind, word
   * boundaries, back references.
   */
  public static Grammar regex(String regex) {
    String field = "regular expression";
    return KNOWN.get(
        field,
        checked(field, regex),
        () -> {
          Rules rules = new Rules(field);
          var _ = rules.add("", RegexReader.whole(field, regex));
          return rules;
        });
  }

  /**
   * The texts of a grammar's rule {@code root}, in GBNF, llama.cpp's dialect of EBNF, but for its
   * references to tokens. Rules may not call themselves before they take a character.
   */
  public static Grammar ebnf(String grammar) {
    String field = "EBNF grammar";
    return KNOWN.get(field, checked(field, grammar), () -> EbnfReader.read(field, grammar));
  }

  /** One of these texts. */
  public static Grammar choice(List<String> choices) {
    String field = "choices";
    if (choices.isEmpty()) {
      throw new InvalidInputException(field, "", "must be at least one");
    }
    String source = checked(field, SchemaJson.write(choices));
    return KNOWN.get(
        field,
        source,
        () -> {
          Rules rules = new Rules(field);
          var _ = rules.add("", new Expr.Choice(choices.stream().map(rules::text).toList()));
          return rules;
        });
  }

  /**
   * A call of one of some tools, as {@link dev.vidrio.template.AnswerParser} reads it from models
   * of any family: a JSON object, which may stand between the marks of Hermes.
   *
   * @param tools each as {@link dev.vidrio.template.ChatOptions#tools} has it; arguments keep to
   *     the schema of its parameters
   */
  public static Grammar toolCall(List<Map<String, @Nullable Object>> tools) {
    String source = checked(ToolCallRules.FIELD, SchemaJson.write(tools));
    return KNOWN.get(ToolCallRules.FIELD, source, () -> ToolCallRules.of(tools));
  }

  /**
   * Any answer of a chat model in which calls of tools, if there are some, are as {@link #toolCall}
   * has them. What {@link dev.vidrio.template.AnswerParser} would read as another call is not among
   * the texts.
   */
  public static Grammar freeAnswer(List<Map<String, @Nullable Object>> tools) {
    String source = checked(ToolCallRules.FIELD, SchemaJson.write(tools));
    return KNOWN.get("answer with tools", source, () -> ToolCallRules.inAnswer(tools));
  }

  /**
   * What a chat model must answer with; null where it is free to say anything.
   *
   * @param tools that it has, as {@link #toolCall} takes them
   * @param mustCall whether it must call one of them
   * @param form of an answer that is no call, or null for any
   */
  public static @Nullable Grammar chatAnswer(
      List<Map<String, @Nullable Object>> tools, boolean mustCall, @Nullable Grammar form) {
    if (mustCall) {
      return toolCall(tools);
    }
    return form == null || tools.isEmpty() ? form : toolCall(tools).or(form);
  }

  /** The texts of this and those of another one. */
  public Grammar or(Grammar other) {
    String either = kind + " or " + other.kind;
    return KNOWN.get(
        either,
        SchemaJson.write(List.of(source, other.source)),
        () -> {
          Rules both = new Rules(either);
          int root = both.declare("");
          both.define(root, Expr.choice(both.include(rules), both.include(other.rules)));
          return both;
        });
  }

  /**
   * The texts of this behind thoughts, which are free.
   *
   * @param begun whether the prompt has begun a thought, so that one is ended first
   */
  public Grammar behindThoughts(ThoughtMarks marks, boolean begun) {
    String behind = kind + (begun ? " behind the rest of a thought" : " behind thoughts");
    return KNOWN.get(
        behind,
        SchemaJson.write(List.of(marks.open(), marks.close(), source)),
        () -> ThoughtRules.before(rules, marks, begun));
  }

  private static String checked(String field, String source) {
    if (source.length() > MAX_SOURCE) {
      throw new InvalidInputException(
          field, source.length() + " characters", "must be at most " + MAX_SOURCE);
    }
    return source;
  }

  Program program() {
    return program;
  }

  /** Whether this is one of the texts. */
  public boolean matches(String text) {
    Pushdown pushdown = new Pushdown(program);
    Pushdown.State state = pushdown.start();
    for (byte value : text.getBytes(UTF_8)) {
      pushdown.allowWork();
      state = pushdown.next(state, Byte.toUnsignedInt(value));
    }
    return state.accepting;
  }

  /** Whether the other one is of the same kind and was written with the same characters. */
  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Grammar other && kind.equals(other.kind) && source.equals(other.source);
  }

  @Override
  public int hashCode() {
    return source.hashCode();
  }

  /** What it was made of. */
  @Override
  public String toString() {
    return kind + " " + source;
  }
}
