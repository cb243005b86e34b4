package dev.vidrio.lens.circuit;

/** What one component writes and another reads, in the residual stream between them. */
public record Edge(Node.Sender from, Node.Receiver to) {
  /** Its name: {@code L3.H7→L5.Q2}. */
  public String name() {
    return from.name() + "→" + to.name();
  }
}
