/**
 * Differential fuzzing of plans: random plans of all operations run on all executors, and the
 * results must have equal bits. {@link dev.vidrio.fuzz.plan.Examples} derives what exists from the
 * records of the operations, so that a new operation is fuzzed without a change here.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.fuzz.plan;
