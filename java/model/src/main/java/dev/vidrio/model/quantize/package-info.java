/**
 * Quantizes and converts models: {@link dev.vidrio.model.quantize.Quantizer} changes the weight
 * types of a GGUF file, or makes a GGUF file from a Hugging Face directory.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.quantize;
