package dev.vidrio.template.syntax;

import dev.vidrio.error.ModelFileException;
import java.util.List;

/** The position of a parser in the tokens, with one token of lookahead. */
class TokenReader {

  final TemplateErrors errors;
  private final List<Token> tokens;
  private int position;

  TokenReader(String source, TemplateErrors errors) {
    this.tokens = Lexer.tokenize(source, errors);
    this.errors = errors;
  }

  final Token current() {
    return tokens.get(position);
  }

  final int line() {
    return current().line();
  }

  /** Returns the token after the current one. */
  final Token following() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  final Token next() {
    Token token = current();
    position = Math.min(position + 1, tokens.size() - 1);
    return token;
  }

  final boolean at(Token.Kind kind) {
    return current().kind() == kind;
  }

  final boolean at(String nameOrOperator) {
    return current().is(nameOrOperator);
  }

  final boolean skip(String nameOrOperator) {
    boolean matches = at(nameOrOperator);
    if (matches) {
      next();
    }
    return matches;
  }

  final void expect(String nameOrOperator) {
    if (!skip(nameOrOperator)) {
      throw expected("'" + nameOrOperator + "'", current());
    }
  }

  final String expectName() {
    if (!at(Token.Kind.NAME)) {
      throw expected("a name", current());
    }
    return next().text();
  }

  final ModelFileException expected(String what, Token found) {
    return errors.syntax(found.line(), "expected " + what + ", found " + found.describe());
  }
}
