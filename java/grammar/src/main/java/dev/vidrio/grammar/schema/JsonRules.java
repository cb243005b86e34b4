package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
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

  final Rules rules;
  private final Map<String, Expr.Call> known = new HashMap<>();

  JsonRules(Rules rules) {
    this.rules = rules;
    Expr line = Expr.sequence(Expr.text("\n"), new Expr.Repeat(Expr.anyOf(" \t"), 0, 32));
    space = rules.add("white space", Expr.choice(Expr.EMPTY, Expr.text(" "), line));
    comma = Expr.sequence(Expr.text(","), space);
  }

  /** Returns a call of a rule, which is added on first use and may call itself. */
  private Expr.Call rule(String name, Supplier<Expr> body) {
    Expr.Call call = known.get(name);
    if (call == null) {
      call = new Expr.Call(rules.declare(name));
      known.put(name, call);
      rules.define(call.rule(), body.get());
    }
    return call;
  }

  /** Returns any value. */
  Expr value() {
    return rule(
        "value",
        () ->
            Expr.choice(
                object(),
                array(),
                string(),
                number(),
                Expr.text("true"),
                Expr.text("false"),
                Expr.text("null")));
  }

  /** Returns any object. */
  Expr object() {
    return rule("object", () -> list("{", Expr.sequence(string(), COLON, value()), "}"));
  }

  /** Returns any array. */
  Expr array() {
    return rule("array", () -> list("[", value(), "]"));
  }

  private Expr list(String open, Expr item, String close) {
    Expr items = Expr.sequence(item, Expr.star(Expr.sequence(comma, item)));
    return enclosed(open, items, true, close);
  }

  /** Returns an object or array with the given members or items. */
  Expr enclosed(String open, Expr items, boolean mayBeEmpty, String close) {
    Expr inside = Expr.sequence(items, space);
    return Expr.sequence(
        Expr.text(open), space, mayBeEmpty ? Expr.optional(inside) : inside, Expr.text(close));
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
    return rule("string", () -> quoted(Expr.star(written())));
  }

  static Expr quoted(Expr content) {
    return Expr.sequence(QUOTE, content, QUOTE);
  }

  /** Returns a character of a string in all its spellings, except unpaired surrogates. */
  Expr character() {
    return rule("character", JsonRules::written);
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
      default -> Expr.mapParts(text, JsonRules::escaped);
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
    return Expr.choice(parts);
  }

  /** Returns a single value, with any white space. */
  Expr literal(JsonNode node) {
    if (node.isString()) {
      return text(node.stringValue());
    }
    if (!node.isContainer()) {
      return Expr.text(node.toString());
    }
    List<Expr> items = new ArrayList<>();
    if (node.isObject()) {
      node.forEachEntry(
          (name, member) -> items.add(Expr.sequence(text(name), COLON, literal(member))));
    } else {
      node.forEach(item -> items.add(literal(item)));
    }
    List<Expr> parts = new ArrayList<>();
    for (Expr item : items) {
      parts.add(parts.isEmpty() ? space : comma);
      parts.add(item);
    }
    parts.add(space);
    return Expr.sequence(
        Expr.text(node.isObject() ? "{" : "["),
        new Expr.Sequence(parts),
        Expr.text(node.isObject() ? "}" : "]"));
  }

  /** Returns a string in its usual spelling. */
  Expr text(String text) {
    return quoted(escaped(rules.text(text)));
  }
}
