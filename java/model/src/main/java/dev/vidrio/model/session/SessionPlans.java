package dev.vidrio.model.session;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.Architecture.LongContext;
import dev.vidrio.model.load.LoadedModel;
import org.jspecify.annotations.Nullable;

/**
 * The plans of a model's sessions, computed once per model: those of its architecture, in which
 * {@linkplain GatherHoisting only the rows} that ask for logits run the last row-wise operations.
 */
public final class SessionPlans {
  private final Plan plan;
  private final @Nullable Plan ofLongContexts;

  private SessionPlans(Architecture architecture) {
    LongContext longer = architecture.longContext();
    this.plan = new GatherHoisting().apply(architecture.plan());
    this.ofLongContexts = longer == null ? null : new GatherHoisting().apply(longer.plan());
  }

  /** Returns the plan of sessions with a number of positions. */
  public static Plan of(LoadedModel model, int positions) {
    Architecture architecture = model.architecture();
    SessionPlans plans = model.cached(SessionPlans.class, arena -> new SessionPlans(architecture));
    Plan ofLongContexts = plans.ofLongContexts;
    return ofLongContexts != null && architecture.isLong(positions) ? ofLongContexts : plans.plan;
  }
}
