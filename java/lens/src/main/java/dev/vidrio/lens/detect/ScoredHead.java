package dev.vidrio.lens.detect;

import dev.vidrio.lens.circuit.Node;

/** The scores of an attention head. */
public sealed interface ScoredHead
    permits CopyingEigenvalues,
        CopySuppression,
        HeadScores,
        HeadStatistics,
        IoiRoles.Head,
        OvScores,
        RetrievalHeads.Score,
        SyntacticHeads.Accuracy {
  /** Returns the layer. */
  int layer();

  /** Returns the head. */
  int head();

  /** Returns the name of the head, such as {@code L3.H7}. */
  default String name() {
    return new Node.Head(layer(), head()).name();
  }
}
