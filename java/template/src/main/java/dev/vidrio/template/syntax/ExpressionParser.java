package dev.vidrio.template.syntax;

import dev.vidrio.template.operation.ArithmeticOperator;
import dev.vidrio.template.operation.ComparisonOperator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Parses expressions by recursive descent. Precedence, lowest first: {@code if else}, {@code or},
 * {@code and}, {@code not}, comparisons, {@code + -}, {@code ~}, {@code * / // %}, {@code **},
 * signs, then attributes, calls, filters and tests.
 */
final class ExpressionParser {

  /** The maximum nesting of brackets, signs and blocks. */
  static final int MAX_NESTING = 100;

  private final TokenReader tokens;
  private final PrimaryParser primary;
  private int nesting;

  ExpressionParser(TokenReader tokens) {
    this.tokens = tokens;
    this.primary = new PrimaryParser(tokens, this);
  }

  PrimaryParser primary() {
    return primary;
  }

  void enter() {
    if (++nesting > MAX_NESTING) {
      throw tokens.errors().syntax(tokens.line(), "nests deeper than " + MAX_NESTING + " levels");
    }
  }

  void leave() {
    nesting--;
  }

  /** Parses an expression, or a tuple without parentheses. */
  Expr tuple(boolean withConditional) {
    int line = tokens.line();
    Expr first = expression(withConditional);
    if (!tokens.atOperator(",")) {
      return first;
    }
    List<Expr> items = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",") && !atTupleEnd()) {
      items.add(expression(withConditional));
    }
    return new Expr.TupleOf(items, line);
  }

  private boolean atTupleEnd() {
    return tokens.at(Token.Kind.PRINT_END)
        || tokens.at(Token.Kind.TAG_END)
        || tokens.atOperator(")")
        || tokens.atName("recursive");
  }

  Expr expression() {
    return expression(true);
  }

  private Expr expression(boolean withConditional) {
    enter();
    Expr result = or();
    while (withConditional && tokens.atName("if")) {
      int line = tokens.next().line();
      Expr test = or();
      Expr otherwise = tokens.skipName("else") ? expression(true) : null;
      result = new Expr.Conditional(test, result, otherwise, line);
    }
    leave();
    return result;
  }

  private Expr or() {
    Expr left = and();
    while (tokens.atName("or")) {
      int line = tokens.next().line();
      left = new Expr.Or(left, and(), line);
    }
    return left;
  }

  private Expr and() {
    Expr left = not();
    while (tokens.atName("and")) {
      int line = tokens.next().line();
      left = new Expr.And(left, not(), line);
    }
    return left;
  }

  private Expr not() {
    if (!tokens.atName("not")) {
      return comparison();
    }
    int line = tokens.next().line();
    enter();
    Expr operand = not();
    leave();
    return new Expr.Not(operand, line);
  }

  private Expr comparison() {
    int line = tokens.line();
    Expr first = sum();
    List<Expr.Comparand> rest = new ArrayList<>();
    for (ComparisonOperator operator = comparator(); operator != null; operator = comparator()) {
      rest.add(new Expr.Comparand(operator, sum()));
    }
    return rest.isEmpty() ? first : new Expr.Compare(first, rest, line);
  }

  private @Nullable ComparisonOperator comparator() {
    if (tokens.skipName("in")) {
      return ComparisonOperator.IN;
    }
    if (tokens.atName("not") && tokens.following().isName("in")) {
      tokens.next();
      tokens.next();
      return ComparisonOperator.NOT_IN;
    }
    ComparisonOperator operator =
        tokens.at(Token.Kind.OPERATOR) ? ComparisonOperator.of(tokens.current().text()) : null;
    if (operator != null) {
      tokens.next();
    }
    return operator;
  }

  private Expr sum() {
    Expr left = concat();
    while (tokens.atOperator("+") || tokens.atOperator("-")) {
      Token operator = tokens.next();
      left = arithmetic(operator, left, concat());
    }
    return left;
  }

  private Expr concat() {
    int line = tokens.line();
    Expr first = product();
    if (!tokens.atOperator("~")) {
      return first;
    }
    List<Expr> parts = new ArrayList<>(List.of(first));
    while (tokens.skipOperator("~")) {
      parts.add(product());
    }
    return new Expr.Concat(parts, line);
  }

  private Expr product() {
    Expr left = power();
    while (tokens.atOperator("*")
        || tokens.atOperator("/")
        || tokens.atOperator("//")
        || tokens.atOperator("%")) {
      Token operator = tokens.next();
      left = arithmetic(operator, left, power());
    }
    return left;
  }

  private Expr power() {
    Expr left = unary(true);
    while (tokens.atOperator("**")) {
      Token operator = tokens.next();
      left = arithmetic(operator, left, unary(true));
    }
    return left;
  }

  private static Expr arithmetic(Token operator, Expr left, Expr right) {
    return new Expr.Arithmetic(
        ArithmeticOperator.of(operator.text()), left, right, operator.line());
  }

  private Expr unary(boolean withFilters) {
    Expr result;
    if (tokens.atOperator("-") || tokens.atOperator("+")) {
      Token sign = tokens.next();
      enter();
      result = new Expr.Sign(sign.text().equals("-"), unary(false), sign.line());
      leave();
    } else {
      result = primary.parse();
    }
    result = postfix(result);
    return withFilters ? filters(result) : result;
  }

  private Expr postfix(Expr owner) {
    Expr result = owner;
    while (true) {
      int line = tokens.line();
      if (tokens.skipOperator(".")) {
        result = attribute(result, line);
      } else if (tokens.skipOperator("[")) {
        result = subscript(result, line);
      } else if (tokens.atOperator("(")) {
        result = new Expr.Call(result, arguments(), line);
      } else {
        return result;
      }
    }
  }

  private Expr attribute(Expr owner, int line) {
    if (tokens.at(Token.Kind.INTEGER)) {
      Token index = tokens.next();
      return new Expr.Item(
          owner,
          new Expr.Literal(PrimaryParser.integer(index, tokens.errors()), index.line()),
          line);
    }
    return new Expr.Attribute(owner, tokens.expectName(), line);
  }

  private Expr subscript(Expr owner, int line) {
    Expr start = tokens.atOperator(":") ? null : expression();
    if (start != null && tokens.skipOperator("]")) {
      return new Expr.Item(owner, start, line);
    }
    if (start != null && tokens.atOperator(",")) {
      List<Expr> keys = new ArrayList<>(List.of(start));
      while (tokens.skipOperator(",") && !tokens.atOperator("]")) {
        keys.add(expression());
      }
      tokens.expectOperator("]");
      return new Expr.Item(owner, new Expr.TupleOf(keys, line), line);
    }
    tokens.expectOperator(":");
    Expr stop = tokens.atOperator(":") || tokens.atOperator("]") ? null : expression();
    Expr step = tokens.skipOperator(":") && !tokens.atOperator("]") ? expression() : null;
    tokens.expectOperator("]");
    return new Expr.Slice(owner, start, stop, step, line);
  }

  private Expr filters(Expr input) {
    Expr result = input;
    while (true) {
      int line = tokens.line();
      if (tokens.skipOperator("|")) {
        result = new Expr.Filter(result, apply(), line);
      } else if (tokens.skipName("is")) {
        result = test(result, line);
      } else if (tokens.atOperator("(")) {
        result = new Expr.Call(result, arguments(), line);
      } else {
        return result;
      }
    }
  }

  /** Parses the name and arguments of a filter. */
  Expr.Apply apply() {
    int line = tokens.line();
    String name = dottedName();
    return new Expr.Apply(
        name, tokens.atOperator("(") ? arguments() : Expr.CallArguments.NONE, line);
  }

  private String dottedName() {
    StringBuilder name = new StringBuilder(tokens.expectName());
    while (tokens.skipOperator(".")) {
      name.append('.').append(tokens.expectName());
    }
    return name.toString();
  }

  private Expr test(Expr input, int line) {
    boolean negated = tokens.skipName("not");
    String name = dottedName();
    Expr.CallArguments arguments = Expr.CallArguments.NONE;
    if (tokens.atOperator("(")) {
      arguments = arguments();
    } else if (atTestOperand()) {
      if (tokens.atName("is")) {
        throw tokens.errors().syntax(line, "tests with 'is' cannot be chained");
      }
      Expr operand = postfix(primary.parse());
      arguments = new Expr.CallArguments(List.of(operand), Map.of(), null, null);
    }
    Expr test = new Expr.Test(input, new Expr.Apply(name, arguments, line), line);
    return negated ? new Expr.Not(test, line) : test;
  }

  private boolean atTestOperand() {
    return switch (tokens.current().kind()) {
      case NAME -> !tokens.atName("else") && !tokens.atName("or") && !tokens.atName("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> tokens.atOperator("[") || tokens.atOperator("{");
      default -> false;
    };
  }

  private Expr.CallArguments arguments() {
    int line = tokens.line();
    tokens.expectOperator("(");
    List<Expr> positional = new ArrayList<>();
    Map<String, Expr> named = new LinkedHashMap<>();
    Expr more = null;
    Expr moreNamed = null;
    while (!tokens.atOperator(")")) {
      if (tokens.skipOperator("*")) {
        more = expression();
      } else if (tokens.skipOperator("**")) {
        moreNamed = expression();
      } else if (tokens.at(Token.Kind.NAME) && tokens.following().isOperator("=")) {
        String name = tokens.expectName();
        tokens.next();
        if (named.put(name, expression()) != null) {
          throw tokens.errors().syntax(line, "argument '" + name + "' is given twice");
        }
      } else if (!named.isEmpty() || more != null || moreNamed != null) {
        throw tokens.errors().syntax(line, "a positional argument follows a named one");
      } else {
        positional.add(expression());
      }
      if (!tokens.atOperator(")")) {
        tokens.expectOperator(",");
      }
    }
    tokens.expectOperator(")");
    return new Expr.CallArguments(positional, named, more, moreNamed);
  }
}
