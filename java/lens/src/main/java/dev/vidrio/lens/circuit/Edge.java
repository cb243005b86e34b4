package dev.vidrio.lens.circuit;

/** An edge of the graph: a component reads the output of another one from the residual stream. */
public record Edge(Node.Source from, Node.Destination to) {
  /** Returns the name: {@code L3.H7→L5.Q2}. */
  public String name() {
    return from.name() + "→" + to.name();
  }
}
