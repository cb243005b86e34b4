package dev.vidrio.model.block;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.SequenceOp.Part;

/** The hook points of the queries, keys and values of a recurrence. */
final class RecurrentSites {
  private RecurrentSites() {}

  /** Returns the site before the convolution of a part. */
  static HookSite pre(Part part) {
    return switch (part) {
      case QUERY -> HookSite.RECURRENT_Q_PRE;
      case KEY -> HookSite.RECURRENT_K_PRE;
      case VALUE -> HookSite.RECURRENT_V_PRE;
    };
  }

  /** Returns the site of a part as the recurrence reads it. */
  static HookSite of(Part part) {
    return switch (part) {
      case QUERY -> HookSite.RECURRENT_Q;
      case KEY -> HookSite.RECURRENT_K;
      case VALUE -> HookSite.RECURRENT_V;
    };
  }
}
