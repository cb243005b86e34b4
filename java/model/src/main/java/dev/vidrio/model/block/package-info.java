/** The blocks of architectures, which read hyperparameters, take tensors and write operations. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.block;
