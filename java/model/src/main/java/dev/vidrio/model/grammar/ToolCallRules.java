package dev.vidrio.model.grammar;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.template.AnswerParser;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;

/** The rules of a call of one of some tools: its name, and arguments that keep to its schema. */
final class ToolCallRules {
  /** What errors call the grammar. */
  static final String FIELD = "tools";

  private final Rules rules = new Rules(FIELD);
  private final int root = rules.declare("a call");
  private final JsonRules json = new JsonRules(rules);

  private ToolCallRules() {}

  /**
   * Reads the tools.
   *
   * @throws InvalidInputException if there are none, or parameters are no schema in the dialect of
   *     docs/structured-output.md
   */
  static Rules of(List<Map<String, @Nullable Object>> tools) {
    if (tools.isEmpty()) {
      throw new InvalidInputException(FIELD, "", "there are none to choose from");
    }
    var calls = new ToolCallRules();
    List<Expr> each = new ArrayList<>();
    tools.forEach(tool -> each.add(calls.object(tool)));
    Expr call = calls.rules.add("the object of a call", new Expr.Choice(each));
    Expr space = calls.json.space;
    calls.rules.define(
        calls.root,
        Expr.choice(
            call,
            Expr.sequence(
                Expr.text(AnswerParser.OPEN), space, call, space, Expr.text(AnswerParser.CLOSE))));
    return calls.rules;
  }

  private Expr object(Map<String, @Nullable Object> tool) {
    if (!(tool.get("function") instanceof Map<?, ?> function)
        || !(function.get("name") instanceof String name)) {
      throw new InvalidInputException(FIELD, "", "each must be a function with a name");
    }
    return Expr.sequence(
        Expr.text("{"),
        json.space,
        key("name"),
        json.literal(JsonNodeFactory.instance.stringNode(name)),
        json.comma,
        key("arguments"),
        arguments(name, function.get("parameters")),
        json.space,
        Expr.text("}"));
  }

  private static Expr key(String name) {
    return Expr.sequence(JsonRules.quoted(Expr.text(name)), JsonRules.COLON);
  }

  private Expr arguments(String name, @Nullable Object parameters) {
    Map<String, @Nullable Object> schema = new LinkedHashMap<>();
    schema.put("type", "object");
    if (parameters instanceof Map<?, ?> given) {
      given.forEach((key, value) -> schema.put(String.valueOf(key), value));
    }
    try {
      return rules.include(SchemaReader.read(SchemaJson.write(schema)));
    } catch (InvalidInputException e) {
      throw new InvalidInputException("parameters of tool '" + name + "'", "", e.getMessage());
    }
  }
}
