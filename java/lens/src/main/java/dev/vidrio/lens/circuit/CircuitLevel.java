package dev.vidrio.lens.circuit;

import java.util.Locale;

/** The units that a circuit is made of. */
public enum CircuitLevel {
  /** Edges between components. */
  EDGE,
  /** Components: all edges out of a component are in the circuit, or none. */
  NODE,
  /**
   * Elements of components' outputs, [d] each, which the program EAP-IG calls neurons: edges carry
   * those of the circuit, and ablated values of others.
   */
  NEURON;

  /** Returns the name on the command line. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
