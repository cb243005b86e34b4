package dev.vidrio.lens.circuit;

/** An edge of the graph: what one component writes to the residual stream and another reads. */
public record Edge(Node.Source from, Node.Destination to) {
  /** Its name: {@code L3.H7→L5.Q2}. */
  public String name() {
    return from.name() + "→" + to.name();
  }
}
