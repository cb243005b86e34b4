package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.Rules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The members of a nonempty object, or the different items of a nonempty array. Required members
 * come in the schema's order, since a schema may want the model to write {@code reasoning} before
 * {@code answer}. Optional members may come anywhere, each once, since a model that has written a
 * later member cannot go back. Unnamed members come last; they may repeat a name, so they count as
 * one.
 */
final class Members {

  /** A named property. */
  record Member(String path, Expr pair, boolean isRequired) {}

  /** The maximum number of rules of one object or array. */
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
   * Creates the members.
   *
   * @param named the named members in the schema's order
   * @param other a member of another name, {@link Expr#NOTHING} if not allowed
   * @param min the minimum number of members
   * @param max the maximum number of members, −1 if unbounded
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

  /** Returns the number of rules of {@link #inAnyOrder}; 0 if there is one order, or too many. */
  int orders() {
    long all = (required.size() + 1L) << Math.min(optional.size(), 30);
    return optional.isEmpty() || named.size() == 1 || all > MAX_ORDERS ? 0 : (int) all;
  }

  /**
   * Returns the members with optional ones anywhere: a rule for each set of members already
   * written.
   */
  Expr inAnyOrder() {
    String path = named.getFirst().path;
    List<Expr> afterComma = optional.stream().map(this::afterComma).toList();
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
            parts.add(taken(count, optional.get(i), afterComma.get(i), after[set | 1 << i]));
          }
        }
        after[set] = rules.add(path, new Expr.Choice(parts));
      }
    }
    return after[0];
  }

  /** Returns a rule of a member after a comma, since many rules call it. */
  private Expr afterComma(Member member) {
    return rules.add(member.path, Expr.sequence(comma, member.pair));
  }

  private Expr taken(int count, Member member, Expr afterComma, Expr after) {
    return max >= 0 && count >= max
        ? Expr.NOTHING
        : Expr.sequence(count == 0 ? member.pair : afterComma, after);
  }

  /**
   * Returns the members in the schema's order, built from the end: the continuation after the i-th
   * member for each count of members so far.
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

  /** Returns the continuation after all named members. */
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
