package dev.vidrio.template.syntax;

import dev.vidrio.template.operation.Operator;
import dev.vidrio.template.value.Value;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An expression of a template. */
public sealed interface Expr {

  /** The line where the expression starts; for an operation, the line of its operator. */
  int line();

  record Literal(Value value, int line) implements Expr {}

  record Name(String name, int line) implements Expr {}

  record ListOf(List<Expr> items, int line) implements Expr {}

  record TupleOf(List<Expr> items, int line) implements Expr {}

  record DictOf(List<Pair> pairs, int line) implements Expr {}

  /** A key and a value of a dict literal. */
  record Pair(Expr key, Expr value) {}

  record Not(Expr operand, int line) implements Expr {}

  /** A sign: {@code -} or {@code +}. */
  record Sign(boolean negative, Expr operand, int line) implements Expr {}

  /** One of {@code or and + - * / // % **}. */
  record Binary(Operator operator, Expr left, Expr right, int line) implements Expr {}

  /** A comparison chain such as {@code a < b == c}: every adjacent pair must hold. */
  record Compare(Expr first, List<Comparand> rest, int line) implements Expr {}

  /** A comparison operator, including {@code in} and {@code not in}, and its right operand. */
  record Comparand(Operator operator, Expr right) {}

  /** {@code a ~ b ~ c}. */
  record Concat(List<Expr> parts, int line) implements Expr {}

  /** {@code then if test else otherwise}. */
  record Conditional(Expr test, Expr then, @Nullable Expr otherwise, int line) implements Expr {}

  record Attribute(Expr owner, String name, int line) implements Expr {}

  record Item(Expr owner, Expr key, int line) implements Expr {}

  record Slice(Expr owner, @Nullable Expr start, @Nullable Expr stop, @Nullable Expr step, int line)
      implements Expr {}

  record Call(Expr callee, CallArguments arguments, int line) implements Expr {}

  record Filter(Expr input, Apply filter, int line) implements Expr {}

  record Test(Expr input, Apply test, int line) implements Expr {}

  /** A filter or test by name, with its arguments. */
  record Apply(String name, CallArguments arguments, int line) {}

  /**
   * The arguments of a call in the source.
   *
   * @param more the operand of {@code *}
   * @param moreNamed the operand of {@code **}
   */
  record CallArguments(
      List<Expr> positional,
      Map<String, Expr> named,
      @Nullable Expr more,
      @Nullable Expr moreNamed) {

    static final CallArguments NONE = new CallArguments(List.of(), Map.of(), null, null);
  }
}
