package dev.vidrio.template.syntax;

import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Value;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Parses the operands of expressions: names, literals and brackets. */
final class PrimaryParser {

  private final TokenReader tokens;
  private final ExpressionParser expressions;
  private Set<String> names = new HashSet<>();

  PrimaryParser(TokenReader tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  /** Returns the names that expressions have read since the last swap. */
  Set<String> names() {
    return names;
  }

  /** Starts a new set of names and returns the previous one. */
  Set<String> swapNames(Set<String> newNames) {
    Set<String> old = names;
    names = newNames;
    return old;
  }

  Expr parse() {
    Token token = tokens.next();
    int line = token.line();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (tokens.at(Token.Kind.STRING)) {
          text.append(tokens.next().text());
        }
        yield new Expr.Literal(Value.of(text.toString()), line);
      }
      case INTEGER -> new Expr.Literal(integer(token, tokens.errors()), line);
      case FLOAT -> new Expr.Literal(new Value.Real(Double.parseDouble(token.text())), line);
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> parenthesis(line);
            case "[" -> new Expr.ListOf(list("]"), line);
            case "{" -> dict(line);
            default -> throw noExpression(token);
          };
      default -> throw noExpression(token);
    };
  }

  private RuntimeException noExpression(Token token) {
    return tokens
        .errors()
        .syntax(token.line(), "expected an expression, found " + token.describe());
  }

  private Expr name(Token token) {
    return switch (token.text()) {
      case "true", "True" -> new Expr.Literal(Value.TRUE, token.line());
      case "false", "False" -> new Expr.Literal(Value.FALSE, token.line());
      case "none", "None" -> new Expr.Literal(Value.NONE, token.line());
      default -> {
        if (!Character.isUnicodeIdentifierStart(token.text().codePointAt(0))
            && !token.text().startsWith("_")) {
          throw tokens.errors().syntax(token.line(), token.describe() + " is not a name");
        }
        names.add(token.text());
        yield new Expr.Name(token.text(), token.line());
      }
    };
  }

  static Value integer(Token token, TemplateErrors errors) {
    String text = token.text();
    boolean prefixed = text.length() > 1 && Character.isLetter(text.charAt(1));
    int radix = prefixed ? Numbers.radix(text.charAt(1)) : 10;
    String digits = prefixed ? text.substring(2) : text;
    if (digits.isEmpty() || digits.length() > Numbers.MAX_DIGITS) {
      throw errors.syntax(
          token.line(), "an integer must have 1 to " + Numbers.MAX_DIGITS + " digits");
    }
    return new Value.Int(new BigInteger(digits, radix));
  }

  private Expr parenthesis(int line) {
    if (tokens.skipOperator(")")) {
      return new Expr.TupleOf(List.of(), line);
    }
    Expr inner = expressions.tuple(true);
    tokens.expectOperator(")");
    return inner;
  }

  private List<Expr> list(String end) {
    List<Expr> items = new ArrayList<>();
    while (!tokens.atOperator(end)) {
      if (!items.isEmpty()) {
        tokens.expectOperator(",");
        if (tokens.atOperator(end)) {
          break;
        }
      }
      items.add(expressions.expression());
    }
    tokens.expectOperator(end);
    return items;
  }

  private Expr dict(int line) {
    List<Expr.Pair> pairs = new ArrayList<>();
    while (!tokens.atOperator("}")) {
      if (!pairs.isEmpty()) {
        tokens.expectOperator(",");
        if (tokens.atOperator("}")) {
          break;
        }
      }
      Expr key = expressions.expression();
      tokens.expectOperator(":");
      pairs.add(new Expr.Pair(key, expressions.expression()));
    }
    tokens.expectOperator("}");
    return new Expr.DictOf(pairs, line);
  }
}
