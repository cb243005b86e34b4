package dev.vidrio.model.grammar;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Objects and arrays of JSON schemas. */
final class StructureRules {

  /** The longest name, in characters, beside which other ones are allowed. */
  private static final int MAX_NAME = 256;

  private final Rules rules;
  private final JsonRules json;
  private final BiFunction<String, JsonNode, Expr> schemas;

  /**
   * Objects and arrays.
   *
   * @param schemas gives the values of the schema at a path
   */
  StructureRules(Rules rules, JsonRules json, BiFunction<String, JsonNode, Expr> schemas) {
    this.rules = rules;
    this.json = json;
    this.schemas = schemas;
  }

  /**
   * An object: its properties in the schema's order, those that are not required or left out, then
   * others, where they are allowed.
   */
  Expr object(SchemaPart part) {
    Map<String, Expr> properties = properties(part);
    Set<String> required = required(part);
    Expr additional = additional(part);
    if (properties.isEmpty() && required.isEmpty() && additional == null) {
      return json.object();
    }
    for (String name : required) {
      properties.putIfAbsent(name, additional == null ? json.value() : additional);
    }
    Expr other = additional == null ? Expr.NOTHING : other(part, properties.keySet(), additional);
    Expr more = Expr.star(Expr.sequence(json.comma, other));
    // Built from the end: what may come after the i-th property, as first or as later member.
    Expr first = Expr.sequence(other, more);
    Expr rest = more;
    for (Map.Entry<String, Expr> property : new ArrayList<>(properties.entrySet()).reversed()) {
      String name = property.getKey();
      String path = part.below("properties", name);
      Expr member = Expr.sequence(key(rules.text(name)), JsonRules.COLON, property.getValue());
      Expr.Call pair = rules.add(path, member);
      Expr asFirst = Expr.sequence(pair, rest);
      Expr asLater = Expr.sequence(json.comma, pair, rest);
      boolean optional = !required.contains(name);
      first = rules.add(path, optional ? Expr.choice(asFirst, first) : asFirst);
      rest = rules.add(path, optional ? Expr.choice(asLater, rest) : asLater);
    }
    Expr members = Expr.sequence(first, json.space);
    return Expr.sequence(
        Expr.text("{"),
        json.space,
        required.isEmpty() ? Expr.optional(members) : members,
        Expr.text("}"));
  }

  private Map<String, Expr> properties(SchemaPart part) {
    Map<String, Expr> properties = new LinkedHashMap<>();
    JsonNode node = part.get("properties");
    if (node != null) {
      if (!node.isObject()) {
        throw part.error("properties", "must be an object");
      }
      node.forEachEntry(
          (name, schema) ->
              properties.put(name, schemas.apply(part.below("properties", name), schema)));
    }
    return properties;
  }

  private static Set<String> required(SchemaPart part) {
    Set<String> required = new LinkedHashSet<>();
    JsonNode node = part.get("required");
    if (node != null) {
      if (!node.isArray() || !node.valueStream().allMatch(JsonNode::isString)) {
        throw part.error("required", "must be an array of strings");
      }
      node.forEach(name -> required.add(name.stringValue()));
    }
    return required;
  }

  /** The values of properties without a name of their own; null where nothing is said of them. */
  private @Nullable Expr additional(SchemaPart part) {
    JsonNode node = part.get("additionalProperties");
    return node == null ? null : schemas.apply(part.below("additionalProperties"), node);
  }

  private static Expr key(Expr name) {
    return JsonRules.quoted(JsonRules.escaped(name));
  }

  /** A property of another name than these. */
  private Expr other(SchemaPart part, Set<String> names, Expr value) {
    Names root = new Names();
    for (String name : names) {
      if (name.length() > MAX_NAME) {
        throw part.error(
            "additionalProperties", "needs names of at most " + MAX_NAME + " characters");
      }
      Names node = root;
      for (int c : name.codePoints().toArray()) {
        node = node.next.computeIfAbsent(c, ignored -> new Names());
      }
      node.isName = true;
    }
    Expr key = Expr.sequence(JsonRules.QUOTE, except(root));
    return rules.add(
        part.below("additionalProperties"), Expr.sequence(key, JsonRules.COLON, value));
  }

  /** Names that begin alike. */
  private static final class Names {
    private final Map<Integer, Names> next = new TreeMap<>();
    private boolean isName;
  }

  /** The rest of a key, quotation mark included, such that it is none of the names. */
  private static Expr except(Names names) {
    List<Expr> parts = new ArrayList<>();
    if (!names.isName) {
      parts.add(JsonRules.QUOTE);
    }
    names.next.forEach(
        (c, rest) ->
            parts.add(
                Expr.sequence(JsonRules.escaped(new Expr.Chars(CodePoints.of(c))), except(rest))));
    List<CodePoints> taken = names.next.keySet().stream().map(CodePoints::of).toList();
    Expr others = new Expr.Chars(CodePoints.union(taken).complement());
    parts.add(
        Expr.sequence(
            JsonRules.escaped(others), JsonRules.escaped(RegexReader.ANY), JsonRules.QUOTE));
    return new Expr.Choice(parts);
  }

  /** An array: the items that have a schema each, then the others. */
  Expr array(SchemaPart part) {
    int min = part.count("minItems", 0);
    int max = part.count("maxItems", -1);
    if (max >= 0 && max < min) {
      throw part.error("maxItems", "must be at least minItems");
    }
    List<JsonNode> schemasOfFirst = part.has("prefixItems") ? part.list("prefixItems") : List.of();
    List<Expr> prefix = new ArrayList<>();
    for (int i = 0; i < schemasOfFirst.size() && i != max; i++) {
      String path = part.below("prefixItems", Integer.toString(i));
      prefix.add(schemas.apply(path, schemasOfFirst.get(i)));
    }
    Expr item = item(part, prefix, min);
    int left = max < 0 ? -1 : max - prefix.size();
    Expr rest = new Expr.Repeat(Expr.sequence(json.comma, item), least(min, prefix.size()), left);
    Expr items;
    if (prefix.isEmpty()) {
      Expr more =
          new Expr.Repeat(Expr.sequence(json.comma, item), least(min, 1), least(left, 1, -1));
      items = max == 0 ? Expr.NOTHING : Expr.sequence(item, more);
    } else {
      for (int i = prefix.size() - 1; i > 0; i--) {
        Expr later = Expr.sequence(json.comma, prefix.get(i), rest);
        rest = rules.add(part.below("prefixItems"), min > i ? later : Expr.optional(later));
      }
      items = Expr.sequence(prefix.getFirst(), rest);
    }
    items = Expr.sequence(items, json.space);
    return Expr.sequence(
        Expr.text("["), json.space, min > 0 ? items : Expr.optional(items), Expr.text("]"));
  }

  /** What is left of a count after some; none becomes no less. */
  private static int least(int count, int taken) {
    return Math.max(count - taken, 0);
  }

  private static int least(int count, int taken, int none) {
    return count < 0 ? none : least(count, taken);
  }

  /** The items behind the first ones: any values where nothing is said of either. */
  private Expr item(SchemaPart part, List<Expr> prefix, int min) {
    JsonNode node = part.get("items");
    if (node != null) {
      if (node.isArray()) {
        throw part.error("items", "must be a schema; for one each there is prefixItems");
      }
      return schemas.apply(part.below("items"), node);
    }
    return prefix.isEmpty() || min > prefix.size() ? json.value() : Expr.NOTHING;
  }
}
