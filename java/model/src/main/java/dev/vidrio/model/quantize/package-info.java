/**
 * Writes models anew: {@link dev.vidrio.model.quantize.Quantizer} changes the types of a GGUF
 * file's weights, or makes a GGUF file of a directory of transformers.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.quantize;
