/** Architectures: each reads a model file's keys and tensors, and writes the plan that runs it. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.architecture;
