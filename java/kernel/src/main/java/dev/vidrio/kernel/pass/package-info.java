/**
 * Transformations of plans, each a {@link dev.vidrio.kernel.pass.PlanPass}: {@link
 * dev.vidrio.kernel.pass.GatherHoisting} saves work on prompts, {@link
 * dev.vidrio.kernel.pass.Differentiation} derives gradients. The modules above add passes that
 * insert adapters, taps and edits.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.pass;
