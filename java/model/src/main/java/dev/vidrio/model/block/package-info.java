/**
 * Blocks that architectures are put together from: they read a model file's keys, take its tensors,
 * and write operations down.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.block;
