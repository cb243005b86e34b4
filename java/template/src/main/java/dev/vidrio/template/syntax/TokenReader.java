package dev.vidrio.template.syntax;

import java.util.List;

/** The parser's position in the tokens, with one token of lookahead. */
final class TokenReader {

  private final List<Token> tokens;
  private final TemplateErrors errors;
  private int position;

  TokenReader(List<Token> tokens, TemplateErrors errors) {
    this.tokens = tokens;
    this.errors = errors;
  }

  TemplateErrors errors() {
    return errors;
  }

  Token current() {
    return tokens.get(position);
  }

  int line() {
    return current().line();
  }

  /** Returns the token after the current one. */
  Token following() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = current();
    if (position < tokens.size() - 1) {
      position++;
    }
    return token;
  }

  boolean at(Token.Kind kind) {
    return current().kind() == kind;
  }

  boolean atName(String name) {
    return current().isName(name);
  }

  boolean atOperator(String operator) {
    return current().isOperator(operator);
  }

  boolean skipName(String name) {
    return skip(atName(name));
  }

  boolean skipOperator(String operator) {
    return skip(atOperator(operator));
  }

  private boolean skip(boolean matches) {
    if (matches) {
      next();
    }
    return matches;
  }

  String expectName() {
    if (!at(Token.Kind.NAME)) {
      throw expected("a name");
    }
    return next().text();
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw expected("'" + name + "'");
    }
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw expected("'" + operator + "'");
    }
  }

  void expect(Token.Kind kind, String text) {
    if (!at(kind)) {
      throw expected(text);
    }
    next();
  }

  RuntimeException expected(String what) {
    return errors.syntax(line(), "expected " + what + ", found " + current().describe());
  }
}
