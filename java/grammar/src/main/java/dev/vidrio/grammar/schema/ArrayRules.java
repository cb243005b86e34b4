package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Expr;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** Compiles the array keywords of JSON Schema. */
final class ArrayRules {

  /** The maximum number of integers between bounds that are enumerated. */
  private static final int MAX_INTEGERS = 100;

  private final JsonRules json;
  private final InstanceValidator check;
  private final Function<Collection<Term>, Expr> values;

  /**
   * Creates the compiler.
   *
   * @param values returns the expression of the values that satisfy several schemas
   */
  ArrayRules(JsonRules json, InstanceValidator check, Function<Collection<Term>, Expr> values) {
    this.json = json;
    this.check = check;
    this.values = values;
  }

  /** Returns the expression of an array: the items with individual schemas, then the others. */
  Expr array(Conjunction all) {
    Conjunction.Count size = all.countOfContainer("array", JsonNode::isArray);
    if (size.isEmpty()) {
      return Expr.NOTHING;
    }
    int min = size.min();
    int max = size.max();
    List<Conjunction.Contained> contained = new ArrayList<>(all.contained);
    contained.removeIf(each -> each.count().equals(Conjunction.Count.ANY));
    if (all.unique && max != 0 && max != 1) {
      if (!contained.isEmpty()) {
        throw all.at.error("uniqueItems", "cannot be combined with contains");
      }
      return enclosed(unique(all, min, max), min == 0);
    }
    if (!contained.isEmpty()) {
      return containing(all, contained, min, max);
    }
    return plain(all, min, max);
  }

  private Expr enclosed(Expr items, boolean mayBeEmpty) {
    return json.enclosed("[", items, mayBeEmpty, "]");
  }

  private Expr plain(Conjunction all, int min, int max) {
    if (all.items.isEmpty() && min == 0 && max < 0) {
      return json.array();
    }
    int prefixed = all.firstItems();
    prefixed = max < 0 ? prefixed : Math.min(prefixed, max);
    Expr item =
        all.isClosedArray() && min <= prefixed
            ? Expr.NOTHING
            : values.apply(all.item(all.firstItems()));
    Expr next = Expr.sequence(json.comma, item);
    int left = max < 0 ? -1 : max - prefixed;
    Expr items;
    if (prefixed == 0) {
      Expr more =
          new Expr.Repeat(next, Math.max(min - 1, 0), left < 0 ? -1 : Math.max(left - 1, 0));
      items = max == 0 ? Expr.NOTHING : Expr.sequence(item, more);
    } else {
      Expr rest = new Expr.Repeat(next, Math.max(min - prefixed, 0), left);
      for (int i = prefixed - 1; i > 0; i--) {
        Expr later = Expr.sequence(json.comma, values.apply(all.item(i)), rest);
        rest = json.rules.add(all.at.below("prefixItems"), min > i ? later : Expr.optional(later));
      }
      items = Expr.sequence(values.apply(all.item(0)), rest);
    }
    return enclosed(items, min == 0);
  }

  /** Returns items that include a number of matches of another schema, counted one by one. */
  private Expr containing(
      Conjunction all, List<Conjunction.Contained> contained, int min, int max) {
    if (contained.size() > 1) {
      throw all.at.error("contains", "is supported once per array");
    }
    Term term = contained.getFirst().term();
    Conjunction.Count counted = contained.getFirst().count();
    if (counted.isEmpty()) {
      return Expr.NOTHING;
    }
    // Beyond this number, further items are equivalent.
    int last = Math.max(Math.max(all.firstItems(), min), Math.max(max, 1));
    int most = Math.max(counted.min(), counted.max());
    boolean closed = all.isClosedArray() && counted.min() <= all.firstItems();
    int limit = closed ? Conjunction.lower(max, Math.max(min, all.firstItems())) : max;
    int end = limit < 0 ? last : limit;
    Expr.Call[][] from = new Expr.Call[end + 1][most + 1];
    for (Expr.Call[] row : from) {
      for (int count = 0; count <= most; count++) {
        row[count] = new Expr.Call(json.rules.declare(all.at.below("contains")));
      }
    }
    for (int i = 0; i <= end; i++) {
      Expr comma = i == 0 ? Expr.EMPTY : json.comma;
      Set<Term> one = all.item(i);
      one.add(term);
      Set<Term> other = all.item(i);
      if (counted.max() >= 0) {
        other.add(term.opposite());
      }
      for (int count = 0; count <= most; count++) {
        List<Expr> parts = new ArrayList<>();
        parts.add(i > 0 && i >= min && count >= counted.min() ? Expr.EMPTY : Expr.NOTHING);
        if (i < end || limit < 0) {
          Expr.Call[] next = from[Math.min(i + 1, end)];
          parts.add(Expr.sequence(comma, values.apply(other), next[count]));
          if (count < most) {
            parts.add(Expr.sequence(comma, values.apply(one), next[count + 1]));
          }
        }
        json.rules.define(from[i][count].rule(), new Expr.Choice(parts));
      }
    }
    return enclosed(from[0][0], min == 0 && counted.min() == 0);
  }

  /** Returns items of a list of values, each at most once. */
  private Expr unique(Conjunction all, int min, int max) {
    Optional<List<JsonNode>> values = all.firstItems() > 0 ? Optional.empty() : listed(all.item(0));
    if (values.isEmpty()) {
      throw all.at.error(
          "uniqueItems", "is supported only for items with few values, or if maxItems is 1");
    }
    List<JsonNode> different = new ArrayList<>();
    for (JsonNode value : values.get()) {
      if (different.stream().noneMatch(other -> InstanceValidator.equal(value, other))) {
        different.add(value);
      }
    }
    String path = all.at.below("items");
    List<Members.Member> items =
        different.stream()
            .map(value -> new Members.Member(path, json.literal(value), false))
            .toList();
    var members = new Members(json.rules, json.comma, items, Expr.NOTHING, min, max);
    return members.orders() == 0 ? members.inOrder() : members.inAnyOrder();
  }

  private Optional<List<JsonNode>> listed(Set<Term> terms) {
    Optional<List<JsonNode>> values = check.values(terms);
    if (values.isPresent()) {
      return values;
    }
    return terms.stream()
        .filter(term -> !term.negated())
        .map(term -> few(term.part()))
        .flatMap(Optional::stream)
        .findFirst()
        .map(few -> few.stream().filter(value -> check.holdAll(terms, value)).toList());
  }

  /** Returns the values of a schema, if all its types have few. */
  private static Optional<List<JsonNode>> few(Subschema part) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    List<JsonNode> values = new ArrayList<>();
    for (String type : part.types()) {
      List<JsonNode> ofType =
          switch (type) {
            case "boolean" -> List.of(nodes.booleanNode(true), nodes.booleanNode(false));
            case "null" -> List.of(nodes.nullNode());
            case "integer" -> integers(part);
            default -> List.of();
          };
      if (ofType.isEmpty()) {
        return Optional.empty();
      }
      values.addAll(ofType);
    }
    return values.isEmpty() ? Optional.empty() : Optional.of(values);
  }

  /**
   * Returns the integers between a schema's bounds; empty if a bound is missing or there are too
   * many.
   */
  private static List<JsonNode> integers(Subschema part) {
    @Nullable Long lower = null;
    @Nullable Long upper = null;
    for (String keyword : Keywords.BOUNDS) {
      Conjunction.Bound bound = KeywordReader.bound(part, keyword).orElse(null);
      if (bound != null && isShort(bound.value())) {
        // Values that an exclusive bound excludes are removed later.
        if (bound.upper()) {
          upper = bound.value().setScale(0, RoundingMode.FLOOR).longValueExact();
        } else {
          lower = bound.value().setScale(0, RoundingMode.CEILING).longValueExact();
        }
      }
    }
    if (lower == null || upper == null || upper - lower >= MAX_INTEGERS) {
      return List.of();
    }
    return LongStream.rangeClosed(lower, upper)
        .<JsonNode>mapToObj(JsonNodeFactory.instance::numberNode)
        .toList();
  }

  private static boolean isShort(BigDecimal value) {
    return value.precision() <= 9 && Math.abs(value.scale()) <= 9;
  }
}
