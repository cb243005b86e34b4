package dev.vidrio.template.syntax;

import dev.vidrio.template.operation.Operator;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Value;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Parses expressions by precedence climbing over the {@linkplain Operator binary operators}. Signs
 * bind more tightly than these, then attributes, calls, filters and tests.
 */
class ExpressionParser extends TokenReader {

  /** The maximum nesting of brackets, signs and blocks. */
  private static final int MAX_NESTING = 100;

  static final Map<String, Value> CONSTANTS =
      Map.of(
          "true", Value.TRUE,
          "True", Value.TRUE,
          "false", Value.FALSE,
          "False", Value.FALSE,
          "none", Value.NONE,
          "None", Value.NONE);

  /** The names that expressions have read. */
  Set<String> names = new HashSet<>();

  private int nesting;

  ExpressionParser(String source, TemplateErrors errors) {
    super(source, errors);
  }

  final void enter() {
    if (++nesting > MAX_NESTING) {
      throw errors.syntax(line(), "nests deeper than " + MAX_NESTING + " levels");
    }
  }

  final void leave() {
    nesting--;
  }

  /** Parses an expression, or a tuple without parentheses. */
  final Expr tuple(boolean withConditional) {
    int line = line();
    Expr first = expression(withConditional);
    if (!at(",")) {
      return first;
    }
    List<Expr> items = new ArrayList<>(List.of(first));
    while (skip(",") && !at("}}") && !at("%}") && !at(")") && !at("recursive")) {
      items.add(expression(withConditional));
    }
    return new Expr.TupleOf(items, line);
  }

  final Expr expression() {
    return expression(true);
  }

  private Expr expression(boolean withConditional) {
    enter();
    Expr result = binary(0);
    while (withConditional && at("if")) {
      int line = next().line();
      Expr test = binary(0);
      Expr otherwise = skip("else") ? expression() : null;
      result = new Expr.Conditional(test, result, otherwise, line);
    }
    leave();
    return result;
  }

  /** Parses operators of at least a precedence, and their operands. */
  private Expr binary(int precedence) {
    int start = line();
    Expr left = precedence <= Operator.NOT_PRECEDENCE && at("not") ? not() : unary(true);
    for (Operator o = operator(); o != null && o.precedence() >= precedence; o = operator()) {
      if (o.isComparison()) {
        left = new Expr.Compare(left, comparands(), start);
      } else if (o == Operator.CONCATENATE) {
        left = new Expr.Concat(concatenated(left), start);
      } else {
        int line = next().line();
        left = new Expr.Binary(o, left, binary(o.precedence() + 1), line);
      }
    }
    return left;
  }

  /** Returns the binary operator at the current token, or null. */
  private @Nullable Operator operator() {
    if (at("not")) {
      return following().is("in") ? Operator.NOT_IN : null;
    }
    return at(Token.Kind.NAME) || at(Token.Kind.OPERATOR) ? Operator.of(current().text()) : null;
  }

  private Expr not() {
    int line = next().line();
    enter();
    Expr operand = binary(Operator.NOT_PRECEDENCE);
    leave();
    return new Expr.Not(operand, line);
  }

  private List<Expr.Comparand> comparands() {
    List<Expr.Comparand> comparands = new ArrayList<>();
    for (Operator o = operator(); o != null && o.isComparison(); o = operator()) {
      if (next().is("not")) {
        next();
      }
      comparands.add(new Expr.Comparand(o, binary(o.precedence() + 1)));
    }
    return comparands;
  }

  private List<Expr> concatenated(Expr first) {
    List<Expr> parts = new ArrayList<>(List.of(first));
    while (skip("~")) {
      parts.add(binary(Operator.CONCATENATE.precedence() + 1));
    }
    return parts;
  }

  private Expr unary(boolean withFilters) {
    Expr result;
    if (at("-") || at("+")) {
      Token sign = next();
      enter();
      result = new Expr.Sign(sign.is("-"), unary(false), sign.line());
      leave();
    } else {
      result = primary();
    }
    result = postfix(result);
    return withFilters ? filters(result) : result;
  }

  private Expr primary() {
    Token token = next();
    int line = token.line();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (at(Token.Kind.STRING)) {
          text.append(next().text());
        }
        yield new Expr.Literal(Value.of(text.toString()), line);
      }
      case INTEGER -> integer(token);
      case FLOAT -> new Expr.Literal(new Value.Real(Double.parseDouble(token.text())), line);
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> parenthesis(line);
            case "[" -> {
              List<Expr> items = new ArrayList<>();
              list("]", () -> items.add(expression()));
              yield new Expr.ListOf(items, line);
            }
            case "{" -> {
              List<Expr.Pair> pairs = new ArrayList<>();
              list("}", () -> pairs.add(pair()));
              yield new Expr.DictOf(pairs, line);
            }
            default -> throw expected("an expression", token);
          };
      default -> throw expected("an expression", token);
    };
  }

  private Expr name(Token token) {
    String name = token.text();
    Value constant = CONSTANTS.get(name);
    if (constant != null) {
      return new Expr.Literal(constant, token.line());
    }
    if (!Character.isUnicodeIdentifierStart(name.codePointAt(0)) && !name.startsWith("_")) {
      throw errors.syntax(token.line(), token.describe() + " is not a name");
    }
    names.add(name);
    return new Expr.Name(name, token.line());
  }

  private Expr integer(Token token) {
    String text = token.text();
    int base =
        switch (text.length() == 1 ? '0' : text.charAt(1)) {
          case 'b', 'B' -> 2;
          case 'o', 'O' -> 8;
          case 'x', 'X' -> 16;
          default -> 10;
        };
    BigInteger value = Numbers.parseInteger(text, base);
    if (value == null) {
      throw errors.syntax(
          token.line(), "an integer must have 1 to " + Numbers.MAX_DIGITS + " digits");
    }
    return new Expr.Literal(new Value.Int(value), token.line());
  }

  private Expr parenthesis(int line) {
    if (skip(")")) {
      return new Expr.TupleOf(List.of(), line);
    }
    Expr inner = tuple(true);
    expect(")");
    return inner;
  }

  private Expr.Pair pair() {
    Expr key = expression();
    expect(":");
    return new Expr.Pair(key, expression());
  }

  /** Parses items separated by commas up to a closing bracket, with an optional trailing comma. */
  private void list(String end, Runnable item) {
    while (!at(end)) {
      item.run();
      if (!at(end)) {
        expect(",");
      }
    }
    expect(end);
  }

  private Expr postfix(Expr owner) {
    Expr result = owner;
    while (true) {
      int line = line();
      if (skip(".")) {
        result =
            at(Token.Kind.INTEGER)
                ? new Expr.Item(result, integer(next()), line)
                : new Expr.Attribute(result, expectName(), line);
      } else if (skip("[")) {
        result = subscript(result, line);
      } else if (at("(")) {
        result = new Expr.Call(result, arguments(), line);
      } else {
        return result;
      }
    }
  }

  private Expr subscript(Expr owner, int line) {
    if (skip("]")) {
      return new Expr.Item(owner, new Expr.TupleOf(List.of(), line), line);
    }
    Expr start = at(":") ? null : expression();
    if (start != null && skip("]")) {
      return new Expr.Item(owner, start, line);
    }
    if (start != null && skip(",")) {
      List<Expr> keys = new ArrayList<>(List.of(start));
      list("]", () -> keys.add(expression()));
      return new Expr.Item(owner, new Expr.TupleOf(keys, line), line);
    }
    expect(":");
    Expr stop = at(":") || at("]") ? null : expression();
    Expr step = skip(":") && !at("]") ? expression() : null;
    expect("]");
    return new Expr.Slice(owner, start, stop, step, line);
  }

  private Expr filters(Expr input) {
    Expr result = input;
    while (true) {
      int line = line();
      if (skip("|")) {
        result = new Expr.Filter(result, apply(), line);
      } else if (skip("is")) {
        result = test(result, line);
      } else if (at("(")) {
        result = new Expr.Call(result, arguments(), line);
      } else {
        return result;
      }
    }
  }

  /** Parses the name and arguments of a filter. */
  final Expr.Apply apply() {
    int line = line();
    String name = dottedName();
    return new Expr.Apply(name, at("(") ? arguments() : Expr.CallArguments.NONE, line);
  }

  private String dottedName() {
    StringBuilder name = new StringBuilder(expectName());
    while (skip(".")) {
      name.append('.').append(expectName());
    }
    return name.toString();
  }

  private Expr test(Expr input, int line) {
    boolean negated = skip("not");
    String name = dottedName();
    Expr.CallArguments arguments = Expr.CallArguments.NONE;
    if (at("(")) {
      arguments = arguments();
    } else if (atTestOperand()) {
      if (at("is")) {
        throw errors.syntax(line, "tests with 'is' cannot be chained");
      }
      List<Expr> operand = List.of(postfix(primary()));
      arguments = new Expr.CallArguments(operand, Map.of(), null, null);
    }
    Expr test = new Expr.Test(input, new Expr.Apply(name, arguments, line), line);
    return negated ? new Expr.Not(test, line) : test;
  }

  private boolean atTestOperand() {
    return switch (current().kind()) {
      case NAME -> !at("else") && !at("or") && !at("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> at("[") || at("{");
      default -> false;
    };
  }

  private Expr.CallArguments arguments() {
    int line = line();
    expect("(");
    List<Expr> positional = new ArrayList<>();
    Map<String, Expr> named = new LinkedHashMap<>();
    Expr more = null;
    Expr moreNamed = null;
    while (!at(")")) {
      if (skip("*")) {
        more = expression();
      } else if (skip("**")) {
        moreNamed = expression();
      } else if (at(Token.Kind.NAME) && following().is("=")) {
        String name = expectName();
        next();
        if (named.put(name, expression()) != null) {
          throw errors.syntax(line, "argument '" + name + "' is given twice");
        }
      } else if (!named.isEmpty() || more != null || moreNamed != null) {
        throw errors.syntax(line, "a positional argument follows a named one");
      } else {
        positional.add(expression());
      }
      if (!at(")")) {
        expect(",");
      }
    }
    expect(")");
    return new Expr.CallArguments(positional, named, more, moreNamed);
  }
}
