package dev.vidrio.template.syntax;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses the statements of a template. */
public final class Parser {

  private static final Set<String> SPECIAL = Set.of("varargs", "kwargs", "caller");

  private static final Set<String> CONSTANTS =
      Set.of("true", "True", "false", "False", "none", "None");

  private final TokenReader tokens;
  private final ExpressionParser expressions;

  /** The number of enclosing loops that a {@code break} could leave. */
  private int loops;

  private Parser(TokenReader tokens) {
    this.tokens = tokens;
    this.expressions = new ExpressionParser(tokens);
  }

  /**
   * A parsed template.
   *
   * @param body the statements
   * @param names the variables that its expressions read
   */
  public record Parsed(List<Stmt> body, Set<String> names) {}

  /** Parses a template. */
  public static Parsed parse(String source, TemplateErrors errors) {
    Parser parser = new Parser(new TokenReader(Lexer.tokenize(source, errors), errors));
    List<Stmt> body = parser.body(Set.of());
    return new Parsed(body, parser.expressions.primary().names());
  }

  /** Parses statements up to a tag with one of the names, or to the end of the template. */
  private List<Stmt> body(Set<String> ends) {
    expressions.enter();
    List<Stmt> body = new ArrayList<>();
    while (true) {
      Token token = tokens.next();
      switch (token.kind()) {
        case DATA -> body.add(new Stmt.Data(token.text(), token.line()));
        case PRINT_BEGIN -> {
          body.add(new Stmt.Print(expressions.tuple(true), token.line()));
          tokens.expect(Token.Kind.PRINT_END, "'}}'");
        }
        case TAG_BEGIN -> {
          if (ends.contains(tokens.current().text())) {
            expressions.leave();
            return body;
          }
          statement(body);
          endOfTag();
        }
        default -> {
          if (!ends.isEmpty()) {
            throw tokens.errors().syntax(token.line(), "missing " + quoted(ends));
          }
          expressions.leave();
          return body;
        }
      }
    }
  }

  private static String quoted(Set<String> ends) {
    return "'" + String.join("' or '", ends.stream().sorted().toList()) + "'";
  }

  /** Parses the end of a tag and its body, up to the name of the closing tag. */
  private List<Stmt> bodyOfTag(String... ends) {
    tokens.skipOperator(":");
    endOfTag();
    return body(Set.of(ends));
  }

  private List<Stmt> bodyOfTagOutsideLoops(String end) {
    int outer = loops;
    loops = 0;
    List<Stmt> body = bodyOfTag(end);
    loops = outer;
    tokens.next();
    return body;
  }

  private void endOfTag() {
    tokens.expect(Token.Kind.TAG_END, "'%}'");
  }

  private void statement(List<Stmt> body) {
    int line = tokens.line();
    String tag = tokens.expectName();
    switch (tag) {
      case "if" -> body.add(ifStatement(line));
      case "for" -> body.add(forStatement(line));
      case "set" -> body.add(set(line));
      case "macro" -> body.add(macro(line));
      case "call" -> body.add(call(line));
      case "filter" -> {
        List<Expr.Apply> filters = filters(expressions.apply());
        body.add(new Stmt.FilterBlock(filters, bodyOfTagOutsideLoops("endfilter"), line));
      }
      case "with" -> body.add(with(line));
      case "generation" -> body.add(new Stmt.Block(bodyOfTagOutsideLoops("endgeneration"), line));
      case "break" -> body.add(insideLoop(new Stmt.Break(line), tag));
      case "continue" -> body.add(insideLoop(new Stmt.Continue(line), tag));
      case "print" -> print(body, line);
      default -> throw unknown(tag, line);
    }
  }

  private RuntimeException unknown(String tag, int line) {
    if (tag.startsWith("end") || tag.equals("else") || tag.equals("elif")) {
      return tokens.errors().syntax(line, "'" + tag + "' without an opening tag");
    }
    return tokens.errors().unsupported(line, "tag '" + tag + "'");
  }

  private Stmt insideLoop(Stmt statement, String tag) {
    if (loops == 0) {
      throw tokens.errors().syntax(statement.line(), "'" + tag + "' outside a loop");
    }
    return statement;
  }

  private void print(List<Stmt> body, int line) {
    while (!tokens.at(Token.Kind.TAG_END)) {
      body.add(new Stmt.Print(expressions.expression(), line));
      if (!tokens.at(Token.Kind.TAG_END)) {
        tokens.expectOperator(",");
      }
    }
  }

  private Stmt ifStatement(int line) {
    List<Stmt.Branch> branches = new ArrayList<>();
    List<Stmt> otherwise = List.of();
    String tag = "elif";
    while (tag.equals("elif")) {
      Expr test = expressions.tuple(false);
      branches.add(new Stmt.Branch(test, bodyOfTag("elif", "else", "endif")));
      tag = tokens.expectName();
    }
    if (tag.equals("else")) {
      otherwise = bodyOfTag("endif");
      tokens.next();
    }
    return new Stmt.If(branches, otherwise, line);
  }

  private Stmt forStatement(int line) {
    Stmt.Target target = target(false);
    tokens.expectName("in");
    Expr iterable = expressions.tuple(false);
    Expr test = tokens.skipName("if") ? expressions.expression() : null;
    boolean recursive = tokens.skipName("recursive");
    loops++;
    List<Stmt> body = bodyOfTag("endfor", "else");
    loops--;
    List<Stmt> otherwise = List.of();
    if (tokens.expectName().equals("else")) {
      otherwise = bodyOfTag("endfor");
      tokens.next();
    }
    return new Stmt.For(target, iterable, test, recursive, body, otherwise, line);
  }

  private Stmt set(int line) {
    Stmt.Target target = target(true);
    if (tokens.skipOperator("=")) {
      return new Stmt.Set(target, expressions.tuple(true), line);
    }
    List<Expr.Apply> filters = filters(null);
    return new Stmt.SetBlock(target, filters, bodyOfTagOutsideLoops("endset"), line);
  }

  private List<Expr.Apply> filters(Expr.@Nullable Apply first) {
    List<Expr.Apply> filters = new ArrayList<>();
    if (first != null) {
      filters.add(first);
    }
    while (tokens.skipOperator("|")) {
      filters.add(expressions.apply());
    }
    return filters;
  }

  private Stmt with(int line) {
    List<Stmt.Target> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!tokens.at(Token.Kind.TAG_END)) {
      if (!targets.isEmpty()) {
        tokens.expectOperator(",");
      }
      targets.add(target(false));
      tokens.expectOperator("=");
      values.add(expressions.expression());
    }
    List<Stmt> body = bodyOfTag("endwith");
    tokens.next();
    return new Stmt.With(targets, values, body, line);
  }

  private Stmt.Macro macro(int line) {
    String name = targetName();
    return macroBody(name, parameters(), "endmacro", line);
  }

  private Stmt.Macro macroBody(String name, List<Stmt.Parameter> parameters, String end, int line) {
    Set<String> outer = expressions.primary().swapNames(new HashSet<>());
    List<Stmt> body = bodyOfTagOutsideLoops(end);
    Set<String> reads = expressions.primary().swapNames(outer);
    outer.addAll(reads);
    reads.retainAll(SPECIAL);
    parameters.forEach(p -> reads.remove(p.name()));
    return new Stmt.Macro(name, parameters, reads, body, line);
  }

  private Stmt call(int line) {
    List<Stmt.Parameter> parameters = tokens.atOperator("(") ? parameters() : List.of();
    if (!(expressions.expression() instanceof Expr.Call call)) {
      throw tokens.errors().syntax(line, "'call' requires a call of a macro");
    }
    return new Stmt.CallBlock(macroBody("caller", parameters, "endcall", line), call, line);
  }

  private List<Stmt.Parameter> parameters() {
    tokens.expectOperator("(");
    List<Stmt.Parameter> parameters = new ArrayList<>();
    boolean optional = false;
    while (!tokens.atOperator(")")) {
      if (!parameters.isEmpty()) {
        tokens.expectOperator(",");
      }
      int line = tokens.line();
      String name = targetName();
      Expr otherwise = tokens.skipOperator("=") ? expressions.expression() : null;
      if (optional && otherwise == null) {
        throw tokens
            .errors()
            .syntax(line, "parameter '" + name + "' without a default follows one with a default");
      }
      optional = otherwise != null;
      parameters.add(new Stmt.Parameter(name, otherwise));
    }
    tokens.expectOperator(")");
    return parameters;
  }

  private Stmt.Target target(boolean withNamespace) {
    Stmt.Target first = targetPart(withNamespace);
    if (!tokens.atOperator(",")) {
      return first;
    }
    List<Stmt.Target> parts = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",") && !tokens.atName("in") && !tokens.atOperator("=")) {
      parts.add(targetPart(withNamespace));
    }
    return new Stmt.TupleTarget(parts);
  }

  private Stmt.Target targetPart(boolean withNamespace) {
    if (tokens.skipOperator("(")) {
      expressions.enter();
      Stmt.Target inner = target(withNamespace);
      expressions.leave();
      tokens.expectOperator(")");
      return inner;
    }
    String name = targetName();
    if (withNamespace && tokens.skipOperator(".")) {
      return new Stmt.AttributeTarget(name, tokens.expectName());
    }
    return new Stmt.NameTarget(name);
  }

  private String targetName() {
    int line = tokens.line();
    String name = tokens.expectName();
    if (CONSTANTS.contains(name)) {
      throw tokens.errors().syntax(line, "'" + name + "' cannot be assigned");
    }
    return name;
  }
}
