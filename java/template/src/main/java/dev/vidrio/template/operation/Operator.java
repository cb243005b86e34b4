package dev.vidrio.template.operation;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The binary operators. */
public enum Operator {
  OR("or", 0),
  AND("and", 1),
  EQUAL("==", 3),
  NOT_EQUAL("!=", 3),
  LESS("<", 3),
  LESS_OR_EQUAL("<=", 3),
  GREATER(">", 3),
  GREATER_OR_EQUAL(">=", 3),
  IN("in", 3),
  NOT_IN("not in", 3),
  ADD("+", 4),
  SUBTRACT("-", 4),
  CONCATENATE("~", 5),
  MULTIPLY("*", 6),
  DIVIDE("/", 6),
  FLOOR_DIVIDE("//", 6),
  MODULO("%", 6),
  POWER("**", 7);

  /** The precedence of the prefix operator {@code not}. */
  public static final int NOT_PRECEDENCE = 2;

  private static final Map<String, Operator> BY_SYMBOL =
      Arrays.stream(values()).collect(Collectors.toMap(Operator::symbol, Function.identity()));

  private final String symbol;
  private final int precedence;

  Operator(String symbol, int precedence) {
    this.symbol = symbol;
    this.precedence = precedence;
  }

  /** Returns the symbol. */
  public String symbol() {
    return symbol;
  }

  /** Returns the precedence: operators with a higher one bind more tightly. */
  public int precedence() {
    return precedence;
  }

  /** Returns whether it is a comparison, including {@code in} and {@code not in}. */
  public boolean isComparison() {
    return precedence == EQUAL.precedence;
  }

  /** Returns the operator with a symbol, or null. */
  public static @Nullable Operator of(String symbol) {
    return BY_SYMBOL.get(symbol);
  }
}
