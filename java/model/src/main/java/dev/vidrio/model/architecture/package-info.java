/** Architectures: each reads a model file and writes the plan that runs it. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.architecture;
