package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The grammar of JSON (RFC 8259) with bounds that keep a model from running on: white space is
 * none, a space, or a line break with indentation, and after a colon none or a space; numbers have
 * at most 16 digits on each side of the point.
 */
final class JsonRules {

  private static final CodePoints PLAIN =
      CodePoints.union(CodePoints.range(0, 0x1F), CodePoints.of('"'), CodePoints.of('\\'))
          .complement();
  private static final String SHORT = "\"\\bfnrt";
  private static final String SHORT_MEANING = "\"\\\b\f\n\r\t";
  private static final Expr HEX = Expr.anyOf("0123456789abcdefABCDEF");
  private static final Expr DIGIT = Expr.range('0', '9');

  static final Expr QUOTE = Expr.text("\"");
  static final Expr COLON = Expr.sequence(Expr.text(":"), Expr.optional(Expr.text(" ")));

  /** Nothing, a space, or a line break and up to 32 spaces or tabs. */
  final Expr space;

  /** A comma and white space. */
  final Expr comma;

  private final Rules rules;
  private Expr.@Nullable Call value;
  private Expr.@Nullable Call character;
  private Expr.@Nullable Call string;
  private Expr.@Nullable Call object;
  private Expr.@Nullable Call array;

  JsonRules(Rules rules) {
    this.rules = rules;
    Expr line = Expr.sequence(Expr.text("\n"), new Expr.Repeat(Expr.anyOf(" \t"), 0, 32));
    space = rules.add("white space", Expr.choice(Expr.EMPTY, Expr.text(" "), line));
    comma = Expr.sequence(Expr.text(","), space);
  }

  /** Returns any value. */
  Expr value() {
    if (value == null) {
      int rule = rules.declare("value");
      value = new Expr.Call(rule);
      rules.define(
          rule,
          Expr.choice(
              object(),
              array(),
              string(),
              number(),
              Expr.text("true"),
              Expr.text("false"),
              Expr.text("null")));
    }
    return value;
  }

  /** Returns any object. */
  Expr object() {
    if (object == null) {
      int rule = rules.declare("object");
      object = new Expr.Call(rule);
      rules.define(rule, list("{", Expr.sequence(string(), COLON, value()), "}"));
    }
    return object;
  }

  /** Returns any array. */
  Expr array() {
    if (array == null) {
      int rule = rules.declare("array");
      array = new Expr.Call(rule);
      rules.define(rule, list("[", value(), "]"));
    }
    return array;
  }

  private Expr list(String open, Expr item, String close) {
    Expr items = Expr.sequence(item, Expr.star(Expr.sequence(comma, item)), space);
    return Expr.sequence(Expr.text(open), space, Expr.optional(items), Expr.text(close));
  }

  /** Returns a number with at most 16 digits on each side of the point and 2 in the exponent. */
  static Expr number() {
    Expr sign = Expr.optional(Expr.anyOf("+-"));
    Expr exponent = Expr.sequence(Expr.anyOf("eE"), sign, new Expr.Repeat(DIGIT, 1, 2));
    return Expr.sequence(decimal(16), Expr.optional(exponent));
  }

  /** Returns a number without an exponent and with at most {@code digits} decimals. */
  static Expr decimal(int digits) {
    Expr fraction = Expr.sequence(Expr.text("."), new Expr.Repeat(DIGIT, 1, digits));
    return digits == 0 ? integer() : Expr.sequence(integer(), Expr.optional(fraction));
  }

  /** Returns an integer of at most 16 digits. */
  static Expr integer() {
    Expr digits = Expr.sequence(Expr.range('1', '9'), new Expr.Repeat(DIGIT, 0, 15));
    return Expr.sequence(Expr.optional(Expr.text("-")), Expr.choice(Expr.text("0"), digits));
  }

  /** Returns any string. */
  Expr string() {
    if (string == null) {
      string = rules.add("string", quoted(Expr.star(written())));
    }
    return string;
  }

  static Expr quoted(Expr content) {
    return Expr.sequence(QUOTE, content, QUOTE);
  }

  /** Returns a character of a string in all its spellings, except unpaired surrogates. */
  Expr character() {
    if (character == null) {
      character = rules.add("character", written());
    }
    return character;
  }

  private static Expr written() {
    Expr d = Expr.anyOf("dD");
    Expr two = new Expr.Repeat(HEX, 2, 2);
    Expr noSurrogate =
        Expr.choice(
            Expr.sequence(Expr.anyOf("0123456789abcABCefEF"), new Expr.Repeat(HEX, 3, 3)),
            Expr.sequence(d, Expr.range('0', '7'), two));
    Expr pair =
        Expr.sequence(
            Expr.sequence(d, Expr.anyOf("89abAB"), two),
            Expr.text("\\u"),
            Expr.sequence(d, Expr.anyOf("cdefCDEF"), two));
    Expr unicode = Expr.sequence(Expr.text("u"), Expr.choice(noSurrogate, pair));
    Expr escape = Expr.sequence(Expr.text("\\"), Expr.choice(Expr.anyOf(SHORT + "/"), unicode));
    return Expr.choice(new Expr.Chars(PLAIN), escape);
  }

  /**
   * Returns the usual spelling of a text inside a string: literal except where escaping is
   * required.
   */
  static Expr escaped(Expr text) {
    return switch (text) {
      case Expr.Chars(CodePoints set) -> escaped(set);
      case Expr.Sequence(List<Expr> parts) ->
          new Expr.Sequence(parts.stream().map(JsonRules::escaped).toList());
      case Expr.Choice(List<Expr> parts) ->
          new Expr.Choice(parts.stream().map(JsonRules::escaped).toList());
      case Expr.Repeat(Expr part, int min, int max) -> new Expr.Repeat(escaped(part), min, max);
      case Expr.Call call -> throw new IllegalArgumentException("a rule call cannot be escaped");
      case Expr.Machine(Dfa dfa, List<List<Expr>> labels) -> {
        Map<Expr, Expr> known = new HashMap<>(); // most labels are shared by edges
        yield new Expr.Machine(
            dfa,
            labels.stream()
                .map(
                    each ->
                        each.stream()
                            .map(label -> known.computeIfAbsent(label, JsonRules::escaped))
                            .toList())
                .toList());
      }
    };
  }

  private static Expr escaped(CodePoints set) {
    List<Expr> parts = new ArrayList<>();
    parts.add(new Expr.Chars(set.intersect(PLAIN)));
    for (CodePoints.Range range : set.minus(PLAIN).ranges()) {
      for (int c = range.first(); c <= range.last(); c++) {
        int known = SHORT_MEANING.indexOf(c);
        parts.add(Expr.text(known < 0 ? String.format("\\u%04x", c) : "\\" + SHORT.charAt(known)));
      }
    }
    return parts.size() == 1 ? parts.getFirst() : new Expr.Choice(parts);
  }

  /** Returns a single value, with any white space. */
  Expr literal(JsonNode node) {
    if (node.isString()) {
      return quoted(escaped(rules.text(node.stringValue())));
    }
    if (!node.isContainer()) {
      return Expr.text(node.toString());
    }
    List<Expr> parts = new ArrayList<>();
    parts.add(Expr.text(node.isObject() ? "{" : "["));
    parts.add(space);
    if (node.isObject()) {
      node.forEachEntry(
          (name, member) -> {
            parts.add(parts.size() > 2 ? comma : Expr.EMPTY);
            parts.add(quoted(escaped(rules.text(name))));
            parts.add(COLON);
            parts.add(literal(member));
          });
    } else {
      for (JsonNode item : node) {
        parts.add(parts.size() > 2 ? comma : Expr.EMPTY);
        parts.add(literal(item));
      }
    }
    parts.add(node.isEmpty() ? Expr.EMPTY : space);
    parts.add(Expr.text(node.isObject() ? "}" : "]"));
    return new Expr.Sequence(parts);
  }
}
