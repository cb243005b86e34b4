package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.TextExcluding;
import dev.vidrio.template.AnswerParser;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The rules of a call of one of several tools: its name, and arguments constrained by its schema.
 */
public final class ToolCallRules {
  /** The name of the grammar in errors. */
  public static final String FIELD = "tools";

  /** The characters that {@link String#strip} removes. */
  private static final CodePoints BLANKS =
      CodePoints.union(
          IntStream.rangeClosed(0, Character.MAX_VALUE)
              .filter(Character::isWhitespace)
              .mapToObj(CodePoints::of)
              .toList());

  /** The prefixes of escaped lower-case letters, which could hide a key. */
  private static final List<String> ESCAPED_LETTERS = List.of("\\u006", "\\u007");

  private final Rules rules = new Rules(FIELD);
  private final int root = rules.declare("a call");
  private final JsonRules json = new JsonRules(rules);
  private final Expr call;
  private final Expr marked;

  private ToolCallRules(List<Map<String, @Nullable Object>> tools) {
    if (tools.isEmpty()) {
      throw new InvalidInputException(FIELD, "", "must not be empty");
    }
    List<Expr> calls = tools.stream().map(this::object).toList();
    call = rules.add("the object of a call", Expr.choice(calls));
    marked =
        Expr.sequence(
            Expr.text(AnswerParser.OPEN),
            json.space,
            call,
            json.space,
            Expr.text(AnswerParser.CLOSE));
  }

  /**
   * Returns the rules of a call.
   *
   * @throws InvalidInputException if there are no tools, or parameters are not a supported schema
   */
  public static Rules of(List<Map<String, @Nullable Object>> tools) {
    var calls = new ToolCallRules(tools);
    calls.rules.define(calls.root, Expr.choice(calls.call, calls.marked));
    return calls.rules;
  }

  /**
   * Returns the rules of any response in which the only calls are those of {@link #of}: a call, a
   * text, or a text followed by tagged calls.
   */
  public static Rules inAnswer(List<Map<String, @Nullable Object>> tools) {
    var calls = new ToolCallRules(tools);
    Expr text = calls.text();
    Expr further = Expr.star(Expr.sequence(calls.json.space, calls.marked));
    calls.rules.define(
        calls.root, Expr.choice(calls.call, text, Expr.sequence(text, calls.marked, further)));
    return calls.rules;
  }

  /**
   * Returns the texts that {@link AnswerParser} does not parse as a call: without its markers, and
   * without the keys of a call if it may be JSON.
   */
  private Expr text() {
    Expr blank = new Expr.Chars(BLANKS);
    CodePoints brackets = CodePoints.anyOf("{[");
    var plain = new TextExcluding(rules, AnswerParser.MARKS_AND_TAG);
    List<String> words = new ArrayList<>(AnswerParser.MARKS_AND_TAG);
    words.addAll(AnswerParser.ARGUMENTS);
    words.addAll(ESCAPED_LETTERS);
    var json = new TextExcluding(rules, words);
    return Expr.sequence(
        Expr.star(blank),
        Expr.choice(
            Expr.EMPTY,
            plain.beginningWith(CodePoints.union(BLANKS, brackets).complement()),
            json.beginningWith(brackets)));
  }

  private Expr object(Map<String, @Nullable Object> tool) {
    if (!(tool.get("function") instanceof Map<?, ?> function)
        || !(function.get("name") instanceof String name)) {
      throw new InvalidInputException(FIELD, "", "each tool must be a function with a name");
    }
    return Expr.sequence(
        Expr.text("{"),
        json.space,
        key("name"),
        json.text(name),
        json.comma,
        key("arguments"),
        arguments(name, function.get("parameters")),
        json.space,
        Expr.text("}"));
  }

  private static Expr key(String name) {
    return Expr.sequence(JsonRules.quoted(Expr.text(name)), JsonRules.COLON);
  }

  /**
   * Returns the arguments of a tool: always an object, {@code {}} for a tool without parameters.
   */
  private Expr arguments(String name, @Nullable Object parameters) {
    Map<String, @Nullable Object> schema = new LinkedHashMap<>();
    if (parameters instanceof Map<?, ?> given) {
      given.forEach((key, value) -> schema.put(String.valueOf(key), value));
    } else {
      schema.put("additionalProperties", false);
    }
    try {
      Object type = schema.put("type", "object");
      if (type != null
          && !type.equals("object")
          && !(type instanceof List<?> types && types.contains("object"))) {
        throw new InvalidInputException("type", type.toString(), "must be object");
      }
      return rules.include(SchemaReader.read(SchemaJson.write(schema)));
    } catch (InvalidInputException e) {
      throw new InvalidInputException("parameters of tool '" + name + "'", "", e.getMessage());
    }
  }
}
