package dev.vidrio.template.syntax;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses the statements of a template. */
public final class Parser extends ExpressionParser {

  private static final Set<String> SPECIAL = Set.of("varargs", "kwargs", "caller");

  /** The number of enclosing loops that a {@code break} could leave. */
  private int loops;

  private Parser(String source, TemplateErrors errors) {
    super(source, errors);
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
    Parser parser = new Parser(source, errors);
    return new Parsed(parser.body(List.of()), parser.names);
  }

  /** Parses statements up to a tag with one of the names, or to the end of the template. */
  private List<Stmt> body(List<String> ends) {
    enter();
    List<Stmt> body = new ArrayList<>();
    for (Token token = next(); !isEnd(token, ends); token = next()) {
      if (token.kind() == Token.Kind.DATA) {
        body.add(new Stmt.Data(token.text(), token.line()));
      } else if (token.is("{{")) {
        body.add(new Stmt.Print(tuple(true), token.line()));
        expect("}}");
      } else {
        statement(body);
        expect("%}");
      }
    }
    leave();
    return body;
  }

  private boolean isEnd(Token token, List<String> ends) {
    if (token.kind() == Token.Kind.END && !ends.isEmpty()) {
      throw errors.syntax(token.line(), "missing '" + String.join("' or '", ends) + "'");
    }
    return token.kind() == Token.Kind.END || (token.is("{%") && ends.contains(current().text()));
  }

  /** Parses the end of a tag and its body, up to the name of the closing tag. */
  private List<Stmt> bodyOfTag(String... ends) {
    skip(":");
    expect("%}");
    return body(List.of(ends));
  }

  /** Parses the end of a tag and its body, up to and including the name of the closing tag. */
  private List<Stmt> lastBody(String end) {
    List<Stmt> body = bodyOfTag(end);
    next();
    return body;
  }

  private List<Stmt> bodyOutsideLoops(String end) {
    int outer = loops;
    loops = 0;
    List<Stmt> body = lastBody(end);
    loops = outer;
    return body;
  }

  private void statement(List<Stmt> body) {
    int line = line();
    String tag = expectName();
    switch (tag) {
      case "if" -> body.add(ifStatement(line));
      case "for" -> body.add(forStatement(line));
      case "set" -> body.add(set(line));
      case "macro" -> body.add(macroBody(targetName(), parameters(), "endmacro", line));
      case "call" -> body.add(call(line));
      case "filter" -> {
        List<Expr.Apply> filters = filters(apply());
        body.add(new Stmt.FilterBlock(filters, bodyOutsideLoops("endfilter"), line));
      }
      case "with" -> body.add(with(line));
      case "generation" -> body.add(new Stmt.Block(bodyOutsideLoops("endgeneration"), line));
      case "break" -> body.add(insideLoop(new Stmt.Break(line), tag));
      case "continue" -> body.add(insideLoop(new Stmt.Continue(line), tag));
      case "print" -> {
        while (!at("%}")) {
          body.add(new Stmt.Print(expression(), line));
          if (!at("%}")) {
            expect(",");
          }
        }
      }
      default -> throw unknown(tag, line);
    }
  }

  private RuntimeException unknown(String tag, int line) {
    if (tag.startsWith("end") || tag.equals("else") || tag.equals("elif")) {
      return errors.syntax(line, "'" + tag + "' without an opening tag");
    }
    return errors.unsupported(line, "tag '" + tag + "'");
  }

  private Stmt insideLoop(Stmt statement, String tag) {
    if (loops == 0) {
      throw errors.syntax(statement.line(), "'" + tag + "' outside a loop");
    }
    return statement;
  }

  private Stmt ifStatement(int line) {
    List<Stmt.Branch> branches = new ArrayList<>();
    String tag = "elif";
    while (tag.equals("elif")) {
      Expr test = tuple(false);
      branches.add(new Stmt.Branch(test, bodyOfTag("elif", "else", "endif")));
      tag = expectName();
    }
    return new Stmt.If(branches, tag.equals("else") ? lastBody("endif") : List.of(), line);
  }

  private Stmt forStatement(int line) {
    Stmt.Target target = target(false);
    expect("in");
    Expr iterable = tuple(false);
    Expr test = skip("if") ? expression() : null;
    boolean recursive = skip("recursive");
    loops++;
    List<Stmt> body = bodyOfTag("else", "endfor");
    loops--;
    List<Stmt> otherwise = expectName().equals("else") ? lastBody("endfor") : List.of();
    return new Stmt.For(target, iterable, test, recursive, body, otherwise, line);
  }

  private Stmt set(int line) {
    Stmt.Target target = target(true);
    if (skip("=")) {
      return new Stmt.Set(target, tuple(true), line);
    }
    return new Stmt.SetBlock(target, filters(null), bodyOutsideLoops("endset"), line);
  }

  private List<Expr.Apply> filters(Expr.@Nullable Apply first) {
    List<Expr.Apply> filters = new ArrayList<>();
    if (first != null) {
      filters.add(first);
    }
    while (skip("|")) {
      filters.add(apply());
    }
    return filters;
  }

  private Stmt with(int line) {
    List<Stmt.Target> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!at("%}")) {
      if (!targets.isEmpty()) {
        expect(",");
      }
      targets.add(target(false));
      expect("=");
      values.add(expression());
    }
    return new Stmt.With(targets, values, lastBody("endwith"), line);
  }

  private Stmt.Macro macroBody(String name, List<Stmt.Parameter> parameters, String end, int line) {
    Set<String> outer = names;
    names = new HashSet<>();
    List<Stmt> body = bodyOutsideLoops(end);
    Set<String> reads = names;
    names = outer;
    names.addAll(reads);
    reads.retainAll(SPECIAL);
    parameters.forEach(p -> reads.remove(p.name()));
    return new Stmt.Macro(name, parameters, reads, body, line);
  }

  private Stmt call(int line) {
    List<Stmt.Parameter> parameters = at("(") ? parameters() : List.of();
    if (!(expression() instanceof Expr.Call call)) {
      throw errors.syntax(line, "'call' requires a call of a macro");
    }
    return new Stmt.CallBlock(macroBody("caller", parameters, "endcall", line), call, line);
  }

  private List<Stmt.Parameter> parameters() {
    expect("(");
    List<Stmt.Parameter> parameters = new ArrayList<>();
    boolean optional = false;
    while (!at(")")) {
      if (!parameters.isEmpty()) {
        expect(",");
      }
      int line = line();
      String name = targetName();
      Expr otherwise = skip("=") ? expression() : null;
      if (optional && otherwise == null) {
        throw errors.syntax(
            line, "parameter '" + name + "' without a default follows one with a default");
      }
      optional = otherwise != null;
      parameters.add(new Stmt.Parameter(name, otherwise));
    }
    expect(")");
    return parameters;
  }

  private Stmt.Target target(boolean withNamespace) {
    Stmt.Target first = targetPart(withNamespace);
    if (!at(",")) {
      return first;
    }
    List<Stmt.Target> parts = new ArrayList<>(List.of(first));
    while (skip(",") && !at("in") && !at("=")) {
      parts.add(targetPart(withNamespace));
    }
    return new Stmt.TupleTarget(parts);
  }

  private Stmt.Target targetPart(boolean withNamespace) {
    if (skip("(")) {
      enter();
      Stmt.Target inner = target(withNamespace);
      leave();
      expect(")");
      return inner;
    }
    String name = targetName();
    return withNamespace && skip(".")
        ? new Stmt.AttributeTarget(name, expectName())
        : new Stmt.NameTarget(name);
  }

  private String targetName() {
    int line = line();
    String name = expectName();
    if (CONSTANTS.containsKey(name)) {
      throw errors.syntax(line, "'" + name + "' cannot be assigned");
    }
    return name;
  }
}
