package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.StateBudget;
import dev.vidrio.template.call.Part;
import dev.vidrio.template.call.ToolCallFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The rules of calls of one of several tools, written in a model's {@link ToolCallFormat}: names of
 * the tools, and arguments constrained by their schemas.
 */
public final class ToolCallRules {
  /** The name of the grammar in errors. */
  public static final String FIELD = "tools";

  /** The maximum number of calls in a response. */
  private static final int MAX_CALLS = 16;

  /** The keys of a bare object's arguments, which a response without calls does not contain. */
  private static final List<String> ARGUMENTS = List.of("\"arguments\"", "\"parameters\"");

  /** The prefixes of escaped lower-case letters, which could hide a key. */
  private static final List<String> ESCAPED_LETTERS = List.of("\\u006", "\\u007");

  /** The characters that readers skip. */
  private static final CodePoints BLANKS =
      CodePoints.union(
          IntStream.rangeClosed(0, Character.MAX_VALUE)
              .filter(Character::isWhitespace)
              .mapToObj(CodePoints::of)
              .toList());

  private static final Expr LETTER_OR_DIGIT =
      new Expr.Chars(
          CodePoints.union(
              CodePoints.range('a', 'z'), CodePoints.range('A', 'Z'), CodePoints.range('0', '9')));

  /** An id: nine letters and digits, which the templates of Mistral require. */
  private static final Expr ID = new Expr.Repeat(LETTER_OR_DIGIT, 9, 9);

  private static final Expr INDEX = new Expr.Repeat(Expr.range('0', '9'), 1, 3);

  private static final Pattern SPACE = Pattern.compile("\\s+");

  private final Rules rules = new Rules(FIELD);
  private final int root = rules.declare("calls");
  private final JsonRules json = new JsonRules(rules);
  private final ToolCallFormat format;
  private final Expr calls;

  private ToolCallRules(
      ToolCallFormat format, List<Map<String, @Nullable Object>> tools, boolean several) {
    if (tools.isEmpty()) {
      throw new InvalidInputException(FIELD, "", "must not be empty");
    }
    // Channels are written by the grammar of the reasoning; an object in the last one is a call.
    this.format = format.equals(ToolCallFormat.HARMONY) ? ToolCallFormat.OBJECT : format;
    Expr call = rules.add("a call", Expr.choice(tools.stream().map(this::call).toList()));
    Expr next = Expr.sequence(text(this.format.separator()), call);
    int more = several ? MAX_CALLS - 1 : 0;
    calls =
        rules.add(
            "calls",
            Expr.sequence(
                text(this.format.open()),
                call,
                new Expr.Repeat(next, 0, more),
                text(this.format.close())));
    this.format.words().forEach(rules::allow);
  }

  /**
   * Returns the rules of calls.
   *
   * @param several whether there may be more than one
   * @throws InvalidInputException if there are no tools, or parameters are not a supported schema
   */
  public static Rules of(
      ToolCallFormat format, List<Map<String, @Nullable Object>> tools, boolean several) {
    var calls = new ToolCallRules(format, tools, several);
    calls.rules.define(calls.root, calls.calls);
    return calls.rules;
  }

  /**
   * Returns the rules of any response in which the only calls that a strict reader finds are valid:
   * a text, calls in the format or in a block of code, or a text followed by calls.
   */
  public static Rules inAnswer(
      ToolCallFormat format, List<Map<String, @Nullable Object>> tools, boolean several) {
    var own = new ToolCallRules(format, tools, several);
    Expr fenced = own.rules.include(of(ToolCallFormat.FENCE, tools, several));
    List<String> words = new ArrayList<>(own.format.marks());
    boolean isMarked = !words.isEmpty();
    if (!isMarked) {
      words.addAll(ARGUMENTS);
      words.addAll(ESCAPED_LETTERS);
    }
    Expr text = textWithout(words);
    Expr line = Expr.sequence(text, Expr.text("\n"));
    own.rules.define(
        own.root,
        Expr.choice(
            text,
            own.calls,
            Expr.sequence(isMarked ? text : line, own.calls),
            Expr.sequence(text, fenced)));
    return own.rules;
  }

  /** Returns the texts without certain words and without a call's object in a block of code. */
  private static Expr textWithout(List<String> words) {
    Expr any = Expr.star(new Expr.Chars(CodePoints.ALL));
    Expr blanks = Expr.star(new Expr.Chars(BLANKS));
    List<Expr> keys = new ArrayList<>();
    ToolCallFormat.keys().forEach(key -> keys.add(Expr.text(key + "\"")));
    keys.add(
        Expr.sequence(
            Expr.star(new Expr.Chars(CodePoints.anyOf("\"\\").complement())), Expr.text("\\")));
    Expr brace = Expr.sequence(Expr.text("{"), blanks);
    Expr object =
        Expr.sequence(
            Expr.text("```"),
            Expr.optional(Expr.text("json")),
            blanks,
            brace,
            Expr.optional(brace),
            Expr.text("\""),
            Expr.choice(keys));
    List<Expr> parts = new ArrayList<>(words.stream().map(Expr::text).toList());
    parts.add(object);
    var budget = new StateBudget(FIELD);
    Dfa excluded = Dfa.of(budget, Expr.sequence(any, Expr.choice(parts), any));
    return Expr.machine(Dfa.ofLength(0, -1).minus(budget, excluded));
  }

  /** Returns a literal text, in which white space may be left out. */
  private static Expr text(String text) {
    return text(text, false);
  }

  private static Expr text(String text, boolean isExact) {
    List<Expr> parts = new ArrayList<>();
    Matcher space = SPACE.matcher(text);
    int end = 0;
    while (!isExact && space.find()) {
      parts.add(Expr.text(text.substring(end, space.start())));
      parts.add(Expr.optional(Expr.text(space.group())));
      end = space.end();
    }
    parts.add(Expr.text(text.substring(end)));
    return new Expr.Sequence(parts);
  }

  private Expr call(Map<String, @Nullable Object> tool) {
    if (!(tool.get("function") instanceof Map<?, ?> function)
        || !(function.get("name") instanceof String name)) {
      throw new InvalidInputException(FIELD, "", "each tool must be a function with a name");
    }
    Map<String, @Nullable Object> schema = schema(function.get("parameters"));
    try {
      requireObject(schema);
      List<Expr> parts = new ArrayList<>();
      for (Part part : format.call()) {
        parts.add(
            switch (part) {
              case Part.Text(String text) -> text(text);
              case Part.Members members -> members(members, name, schema);
              case Part.Slot(Part.Variable variable) -> value(variable, name, schema);
            });
      }
      return new Expr.Sequence(parts);
    } catch (InvalidInputException e) {
      throw new InvalidInputException("parameters of tool '" + name + "'", "", e.getMessage());
    }
  }

  /** Returns the schema of arguments: always an object, {@code {}} without parameters. */
  private static Map<String, @Nullable Object> schema(@Nullable Object parameters) {
    Map<String, @Nullable Object> schema = new LinkedHashMap<>();
    if (parameters instanceof Map<?, ?> given) {
      given.forEach((key, value) -> schema.put(String.valueOf(key), value));
    } else {
      schema.put("additionalProperties", false);
    }
    return schema;
  }

  private static void requireObject(Map<String, @Nullable Object> schema) {
    Object type = schema.put("type", "object");
    if (type != null
        && !type.equals("object")
        && !(type instanceof List<?> types && types.contains("object"))) {
      throw new InvalidInputException("type", type.toString(), "must be object");
    }
  }

  private Expr value(Part.Variable variable, String name, Map<String, @Nullable Object> schema) {
    return switch (variable) {
      case NAME -> rules.text(name);
      case ID -> ID;
      case INDEX -> INDEX;
      case JSON -> include(schema);
      case PYTHON -> arguments(schema, this::expression, ", ");
      case GEMMA ->
          Expr.sequence(Expr.text("{"), arguments(schema, this::gemma, ","), Expr.text("}"));
      case PARAMETERS -> arguments(schema, this::parameter, "");
      case KEY, TYPE, VALUE -> throw new IllegalStateException(variable + " in a call");
    };
  }

  private Expr include(Map<String, @Nullable Object> schema) {
    return rules.include(SchemaReader.read(SchemaJson.write(schema)));
  }

  private Expr members(Part.Members members, String name, Map<String, @Nullable Object> schema) {
    List<Expr> parts = new ArrayList<>();
    parts.add(Expr.text("{"));
    for (Part.Member member : members.members()) {
      parts.add(parts.size() == 1 ? json.space : json.comma);
      parts.add(json.text(member.key().equals("$name") ? name : member.key()));
      parts.add(JsonRules.COLON);
      Part.Variable variable = member.value();
      parts.add(
          variable == Part.Variable.NAME
              ? json.text(name)
              : variable == Part.Variable.JSON
                  ? include(schema)
                  : JsonRules.quoted(value(variable, name, schema)));
    }
    parts.add(json.space);
    parts.add(Expr.text("}"));
    return new Expr.Sequence(parts);
  }

  /** Writes an argument: a property of a schema. */
  private interface ArgumentRule {
    Expr of(String key, ToolParameter parameter);
  }

  /** Keywords of the arguments' schema that separate arguments cannot follow. */
  private static final Set<String> KNOWN =
      Set.of(
          "type",
          "properties",
          "required",
          "additionalProperties",
          "title",
          "description",
          "$schema",
          "$id",
          "$comment",
          "$defs",
          "definitions",
          "examples",
          "default",
          "strict");

  /** Returns arguments in the order of the schema's properties; some may be missing. */
  private Expr arguments(
      Map<String, @Nullable Object> schema, ArgumentRule rule, String separator) {
    for (String keyword : schema.keySet()) {
      if (!KNOWN.contains(keyword)) {
        throw new InvalidInputException(
            "JSON schema", keyword, "not supported at the top in this model's format of calls");
      }
    }
    // Rejects malformed schemas.
    var _ = SchemaReader.read(SchemaJson.write(schema));
    List<Expr> values = new ArrayList<>();
    List<Boolean> isRequired = new ArrayList<>();
    List<?> required = schema.get("required") instanceof List<?> list ? list : List.of();
    if (schema.get("properties") instanceof Map<?, ?> properties) {
      properties.forEach(
          (key, property) -> {
            String name = String.valueOf(key);
            values.add(rule.of(name, new ToolParameter(SchemaJson.write(schema), schema, name)));
            isRequired.add(required.contains(key));
          });
    }
    for (Object key : required) {
      if (!(schema.get("properties") instanceof Map<?, ?> map) || !map.containsKey(key)) {
        throw new InvalidInputException(
            "required", String.valueOf(key), "must be one of the properties");
      }
    }
    // The arguments from an index on, where none or some precede.
    Expr afterNone = Expr.EMPTY;
    Expr afterSome = Expr.EMPTY;
    for (int i = values.size() - 1; i >= 0; i--) {
      Expr first = Expr.sequence(values.get(i), afterSome);
      Expr more = Expr.sequence(text(separator), values.get(i), afterSome);
      boolean isOptional = !isRequired.get(i);
      afterNone = rules.add("arguments", isOptional ? Expr.choice(first, afterNone) : first);
      afterSome = rules.add("arguments", isOptional ? Expr.choice(more, afterSome) : more);
    }
    return afterNone;
  }

  private Expr parameter(String key, ToolParameter parameter) {
    boolean isText = parameter.isString();
    List<Part> pattern = format.parameter();
    int at = pattern.indexOf(new Part.Slot(Part.Variable.VALUE));
    List<Expr> parts = new ArrayList<>();
    for (int i = 0; i < pattern.size(); i++) {
      parts.add(
          switch (pattern.get(i)) {
            // White space next to a text would be part of it.
            case Part.Text(String text) -> beside(text, i - at);
            case Part.Slot(Part.Variable variable) ->
                switch (variable) {
                  case KEY -> rules.text(key);
                  case TYPE -> Expr.text(parameter.type(pattern));
                  default ->
                      rules.include(
                          isText ? parameter.texts(close(pattern, at, key)) : parameter.values());
                };
            case Part.Members _ -> throw new IllegalStateException("an object in a parameter");
          });
    }
    return new Expr.Sequence(parts);
  }

  /** Returns a text before or after a value, with required white space next to the value. */
  private static Expr beside(String text, int distance) {
    if (distance == -1) {
      String start = text.stripTrailing();
      return Expr.sequence(text(start), Expr.text(text.substring(start.length())));
    }
    if (distance == 1) {
      String rest = text.stripLeading();
      return Expr.sequence(Expr.text(text.substring(0, text.length() - rest.length())), text(rest));
    }
    return text(text);
  }

  private static String close(List<Part> pattern, int value, String key) {
    StringBuilder close = new StringBuilder();
    for (Part part : pattern.subList(value + 1, pattern.size())) {
      close.append(part instanceof Part.Text(String text) ? text : key);
    }
    return close.toString().strip();
  }

  private Expr expression(String key, ToolParameter parameter) {
    Expr value =
        parameter.isBoolean()
            ? Expr.choice(Expr.text("True"), Expr.text("False"))
            : rules.include(parameter.values());
    return Expr.sequence(rules.text(key), Expr.text("="), value);
  }

  private Expr gemma(String key, ToolParameter parameter) {
    Expr quote = Expr.text(ToolCallFormat.GEMMA_QUOTE);
    Expr value =
        parameter.isString()
            ? Expr.sequence(
                quote, rules.include(parameter.texts(ToolCallFormat.GEMMA_QUOTE)), quote)
            : rules.include(parameter.values());
    return Expr.sequence(rules.text(key), Expr.text(":"), value);
  }
}
