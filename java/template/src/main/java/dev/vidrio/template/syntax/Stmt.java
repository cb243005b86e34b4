package dev.vidrio.template.syntax;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A statement of a template. */
public sealed interface Stmt {

  /** The line where the statement starts. */
  int line();

  /** Literal text. */
  record Data(String text, int line) implements Stmt {}

  record Print(Expr value, int line) implements Stmt {}

  record If(List<Branch> branches, List<Stmt> otherwise, int line) implements Stmt {}

  /** The condition and the body of an {@code if} or {@code elif}. */
  record Branch(Expr test, List<Stmt> body) {}

  record For(
      Target target,
      Expr iterable,
      @Nullable Expr test,
      boolean recursive,
      List<Stmt> body,
      List<Stmt> otherwise,
      int line)
      implements Stmt {}

  record Break(int line) implements Stmt {}

  record Continue(int line) implements Stmt {}

  record Set(Target target, Expr value, int line) implements Stmt {}

  /** A {@code set} block: the text of the body passes through filters. */
  record SetBlock(Target target, List<Expr.Apply> filters, List<Stmt> body, int line)
      implements Stmt {}

  record FilterBlock(List<Expr.Apply> filters, List<Stmt> body, int line) implements Stmt {}

  record With(List<Target> targets, List<Expr> values, List<Stmt> body, int line) implements Stmt {}

  /** A {@code generation} block: a body with its own scope. */
  record Block(List<Stmt> body, int line) implements Stmt {}

  /**
   * A macro.
   *
   * @param reads the special variables {@code varargs}, {@code kwargs} and {@code caller} that the
   *     body reads; only then are such arguments accepted
   */
  record Macro(
      String name,
      List<Parameter> parameters,
      java.util.Set<String> reads,
      List<Stmt> body,
      int line)
      implements Stmt {}

  /** A macro's parameter. */
  record Parameter(String name, @Nullable Expr otherwise) {}

  /** A call that receives the body as the macro {@code caller}. */
  record CallBlock(Macro caller, Expr.Call call, int line) implements Stmt {}

  /** The target of an assignment. */
  sealed interface Target {}

  record NameTarget(String name) implements Target {}

  /** An attribute of a namespace. */
  record AttributeTarget(String namespace, String name) implements Target {}

  record TupleTarget(List<Target> parts) implements Target {}
}
