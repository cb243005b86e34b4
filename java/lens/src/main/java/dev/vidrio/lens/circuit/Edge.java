package dev.vidrio.lens.circuit;

/** An edge of the graph: a component reads the output of another one from the residual stream. */
public record Edge(Node.Source from, Node.Destination to) {
  /** The golden ratio in 32 bits: spreads the small hash codes of nodes. */
  private static final int SPREAD = 0x9E3779B9;

  /** Returns the name: {@code L3.H7→L5.Q2}. */
  public String name() {
    return from.name() + "→" + to.name();
  }

  /** Returns a hash code that differs between most edges of a graph. */
  @Override
  public int hashCode() {
    return (from.hashCode() * SPREAD + to.hashCode()) * SPREAD;
  }
}
