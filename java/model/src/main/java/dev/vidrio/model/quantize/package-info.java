/**
 * Quantizes and converts models: {@link dev.vidrio.model.quantize.Quantizer} changes the weight
 * types of a GGUF file, or converts a Hugging Face directory to GGUF.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.quantize;
