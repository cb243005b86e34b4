package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The members of an object that is not empty. Those that are required come in the schema's order,
 * which is how a schema says what a model is to think of first; those that are not may come
 * anywhere, each once, since a model that has gone on to a later one could not come back. Members
 * of other names come last; they may be of the same name, so that they count as one.
 */
final class Members {

  /** A property that has a name. */
  record Member(String path, Expr pair, boolean isRequired) {}

  /** Rules of one object. */
  private static final int MAX_ORDERS = 64;

  private final Rules rules;
  private final Expr comma;
  private final List<Member> named;
  private final Expr other;
  private final int min;
  private final int max;
  private final List<Member> required = new ArrayList<>();
  private final List<Member> optional = new ArrayList<>();

  /**
   * Members.
   *
   * @param named in the schema's order
   * @param other a member of another name, {@link Expr#NOTHING} where there is none
   * @param min how many there are at least
   * @param max how many there are at most, −1 for any number
   */
  Members(Rules rules, Expr comma, List<Member> named, Expr other, int min, int max) {
    this.rules = rules;
    this.comma = comma;
    this.named = named;
    this.other = other;
    this.min = min;
    this.max = max;
    named.forEach(each -> (each.isRequired ? required : optional).add(each));
  }

  /**
   * How many rules {@link #inAnyOrder} takes; 0 where there is one order, or there are too many.
   */
  int orders() {
    long all = (required.size() + 1L) << Math.min(optional.size(), 30);
    return optional.isEmpty() || named.size() == 1 || all > MAX_ORDERS ? 0 : (int) all;
  }

  /** Those that are not required come anywhere: a rule for each set of those that have come. */
  Expr inAnyOrder() {
    String path = named.getFirst().path;
    List<Expr> behind = optional.stream().map(this::afterComma).toList();
    Expr[] ends = new Expr[named.size() + 1];
    Arrays.setAll(ends, count -> rules.add(path, end(count)));
    Expr[] after = new Expr[0];
    for (int taken = required.size(); taken >= 0; taken--) {
      Expr[] afterNext = after;
      after = new Expr[1 << optional.size()];
      boolean isLast = taken == required.size();
      Expr next = isLast ? Expr.NOTHING : afterComma(required.get(taken));
      for (int set = after.length - 1; set >= 0; set--) {
        int count = taken + Integer.bitCount(set);
        List<Expr> parts = new ArrayList<>();
        parts.add(isLast ? ends[count] : taken(count, required.get(taken), next, afterNext[set]));
        for (int i = 0; i < optional.size(); i++) {
          if ((set >> i & 1) == 0) {
            parts.add(taken(count, optional.get(i), behind.get(i), after[set | 1 << i]));
          }
        }
        after[set] = rules.add(path, new Expr.Choice(parts));
      }
    }
    return after[0];
  }

  /** A member as all but the first are written; a rule, since many places call it. */
  private Expr afterComma(Member member) {
    return rules.add(member.path, Expr.sequence(comma, member.pair));
  }

  private Expr taken(int count, Member member, Expr afterComma, Expr after) {
    return max >= 0 && count >= max
        ? Expr.NOTHING
        : Expr.sequence(count == 0 ? member.pair : afterComma, after);
  }

  /**
   * All come in the schema's order. Built from the end: what may come after the i-th when so many
   * have come before.
   */
  Expr inOrder() {
    int counts = max > 0 ? Math.min(max, named.size() + 1) : Math.max(min, 1);
    Expr[] after = new Expr[counts + 1];
    Arrays.setAll(after, this::end);
    for (Member member : named.reversed()) {
      Expr[] before = new Expr[counts + 1];
      for (int count = 0; count <= counts; count++) {
        int next = max > 0 ? count + 1 : Math.min(count + 1, counts);
        Expr taken =
            next > counts
                ? Expr.NOTHING
                : Expr.sequence(count == 0 ? Expr.EMPTY : comma, member.pair, after[next]);
        before[count] =
            rules.add(member.path, member.isRequired ? taken : Expr.choice(taken, after[count]));
      }
      after = before;
    }
    return after[0];
  }

  /** What comes behind all members that have a name. */
  private Expr end(int count) {
    int left = max < 0 ? -1 : max - count;
    Expr nothing = count > 0 && count >= min ? Expr.EMPTY : Expr.NOTHING;
    if (other.equals(Expr.NOTHING) || left == 0 || count < min - 1) {
      return nothing;
    }
    Expr first = Expr.sequence(count == 0 ? Expr.EMPTY : comma, other);
    Expr more = new Expr.Repeat(Expr.sequence(comma, other), 0, left < 0 ? -1 : left - 1);
    return Expr.choice(nothing, Expr.sequence(first, more));
  }
}
