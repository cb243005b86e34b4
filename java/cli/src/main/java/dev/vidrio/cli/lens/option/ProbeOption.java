package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.probe.LinearProbe;
import dev.vidrio.lens.decode.probe.MlpProbe;
import dev.vidrio.lens.decode.probe.Probe;
import dev.vidrio.lens.decode.probe.SparseProbe;
import picocli.CommandLine.Option;

/** The options of the kind of probe. */
public final class ProbeOption {
  /** The kind of probe. */
  public enum Kind {
    /** {@link LinearProbe#logistic}. */
    LOGISTIC,
    /** {@link LinearProbe#ridge}. */
    RIDGE,
    /** {@link SparseProbe}. */
    SPARSE,
    /** {@link MlpProbe}. */
    MLP
  }

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "logistic",
      description = {
        "Kind of probe: ${COMPLETION-CANDIDATES}.",
        "sparse is logistic regression of the -k most distinctive elements; mlp has one hidden"
            + " layer."
      })
  private Kind kind = Kind.LOGISTIC;

  @Option(
      names = "--l2",
      paramLabel = "X",
      defaultValue = "1",
      description = "Penalty of the probe's squared weights.")
  private double l2 = 1;

  @Option(names = "-k", paramLabel = "K", description = "Elements of a sparse probe. Default: 1.")
  private int elements = 1;

  @Option(
      names = "--hidden",
      paramLabel = "N",
      description = "Hidden units of an MLP probe. Default: 64.")
  private int hidden = 64;

  /** Returns the kind. */
  public Kind kind() {
    return kind;
  }

  /** Returns the penalty. */
  public double l2() {
    return l2;
  }

  /** Returns the trainer of probes. */
  public Probe.Trainer trainer(Executor executor, long seed) {
    UsageException.requireAtLeast("-k", elements, 1);
    UsageException.requireAtLeast("--hidden", hidden, 1);
    if (!(l2 > 0 && Double.isFinite(l2))) {
      throw new UsageException("--l2 " + l2 + ": must be above 0 and finite");
    }
    return switch (kind) {
      case LOGISTIC -> examples -> LinearProbe.logistic(executor, examples, l2);
      case RIDGE -> examples -> LinearProbe.ridge(examples, l2);
      case SPARSE -> examples -> SparseProbe.fit(executor, examples, elements, l2);
      case MLP -> examples -> MlpProbe.fit(executor, examples, hidden, l2, seed);
    };
  }
}
