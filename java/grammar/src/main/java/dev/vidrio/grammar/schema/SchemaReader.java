package dev.vidrio.grammar.schema;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.StateBudget;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Compiles a JSON schema (draft 2020-12) to a grammar, in the dialect of {@code
 * docs/structured-output.md}. All texts of the grammar are valid under the schema; some valid texts
 * are not in the grammar, such as those with required properties in another order.
 */
public final class SchemaReader {

  private record Pending(int rule, Set<Term> terms) {}

  private final Rules rules = new Rules(Subschema.FIELD);
  private final SchemaDocument document;
  private final TextMatcher matcher = new TextMatcher();
  private final SchemaExpansion expansion;
  private final JsonRules json;
  private final ObjectRules objects;
  private final ArrayRules arrays;
  private final StringRules strings;
  // Each set of schemas becomes one rule.
  private final Map<Set<Term>, Integer> known = new HashMap<>();
  private final Deque<Pending> pending = new ArrayDeque<>();

  private SchemaReader(JsonNode root) {
    document = new SchemaDocument(root);
    expansion = new SchemaExpansion(document, matcher);
    int _ = rules.declare("#");
    json = new JsonRules(rules);
    strings = new StringRules(json, matcher, expansion);
    objects = new ObjectRules(json, matcher, strings, this::rule);
    arrays = new ArrayRules(json, expansion.check, this::rule);
  }

  /**
   * Compiles a schema; the rule of its values is rule 0.
   *
   * @throws InvalidInputException if it is malformed or uses an unsupported feature
   */
  public static Rules read(String text) {
    SchemaReader reader = new SchemaReader(SchemaJson.parse(Subschema.FIELD, text));
    return reader.read(reader.document.root());
  }

  /**
   * Compiles the schema of one of a schema's properties; the rule of its values is rule 0.
   *
   * @throws InvalidInputException as {@link #read(String)} does
   */
  static Rules readProperty(String text, String name) {
    SchemaReader reader = new SchemaReader(SchemaJson.parse(Subschema.FIELD, text));
    return reader.read(reader.property(name));
  }

  /**
   * Compiles the strings of a property as they are, without quotes and escapes; the rule of the
   * texts is rule 0.
   *
   * @param mark a word that the texts do not contain
   * @throws InvalidInputException as {@link #read(String)} does
   */
  static Rules readTexts(String text, String name, String mark) {
    SchemaReader reader = new SchemaReader(SchemaJson.parse(Subschema.FIELD, text));
    StateBudget budget = reader.matcher.budget;
    Expr any = Expr.star(new Expr.Chars(CodePoints.ALL));
    Dfa marked = Dfa.of(budget, Expr.sequence(any, Expr.text(mark), any));
    Dfa texts = reader.strings.texts(Set.of(Term.of(reader.property(name)))).minus(budget, marked);
    reader.rules.define(0, texts.isEmpty() ? Expr.NOTHING : Expr.machine(texts));
    return reader.rules;
  }

  private Subschema property(String name) {
    Subschema root = document.root();
    return document.below(root, "properties", name, root.node().path("properties").path(name));
  }

  private Rules read(Subschema start) {
    Set<Term> root = Set.of(Term.of(start));
    known.put(root, 0);
    pending.add(new Pending(0, root));
    while (!pending.isEmpty()) {
      Pending next = pending.remove();
      rules.define(next.rule, values(next.terms));
    }
    return rules;
  }

  /**
   * Returns a call of the rule of the values that satisfy several schemas, to be compiled later.
   */
  private Expr rule(Collection<Term> all) {
    Set<Term> terms = new LinkedHashSet<>(all);
    terms.removeIf(Term::isAnything);
    if (terms.isEmpty()) {
      return json.value();
    }
    if (Term.contradict(terms)) {
      return Expr.NOTHING;
    }
    Integer rule = known.get(terms);
    if (rule == null) {
      rule = rules.declare(terms.iterator().next().part().path());
      known.put(terms, rule);
      pending.add(new Pending(rule, terms));
    }
    return new Expr.Call(rule);
  }

  private Expr values(Set<Term> terms) {
    Term first = terms.iterator().next();
    if (terms.size() == 1 && !first.negated()) {
      Subschema part = first.part();
      List<String> assertions = part.assertions();
      if (assertions.equals(List.of("$ref"))) {
        return rule(List.of(Term.of(document.referred(part))));
      }
      if (assertions.equals(List.of("anyOf"))) {
        return Expr.choice(
            document.each(part, "anyOf").stream()
                .map(each -> rule(List.of(Term.of(each))))
                .toList());
      }
    }
    Set<JsonNode> listed = new LinkedHashSet<>();
    List<Expr> parts = new ArrayList<>();
    for (Conjunction all : expansion.expand(terms)) {
      if (all.values != null) {
        listed.addAll(all.values);
      } else {
        parts.add(values(all));
      }
    }
    listed.forEach(value -> parts.add(json.literal(value)));
    return Expr.choice(parts);
  }

  private Expr values(Conjunction all) {
    if (all.isAnything()) {
      return json.value();
    }
    return Expr.choice(
        all.types().stream().filter(all::allows).map(type -> values(all, type)).toList());
  }

  private Expr values(Conjunction all, String type) {
    return switch (type) {
      case "object" -> objects.object(all);
      case "array" -> arrays.array(all);
      case "string" -> strings.string(all);
      case "number" -> NumberRules.number(all, matcher.budget);
      case "boolean" -> words(all, "true", "false");
      default -> words(all, "null");
    };
  }

  private static Expr words(Conjunction all, String... words) {
    return Expr.choice(
        Arrays.stream(words)
            .filter(word -> all.excluded.stream().noneMatch(each -> each.toString().equals(word)))
            .map(Expr::text)
            .toList());
  }
}
