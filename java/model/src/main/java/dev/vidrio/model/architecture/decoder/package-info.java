/**
 * Descriptions of decoder-only transformers: a {@link
 * dev.vidrio.model.architecture.decoder.DecoderSpec} and the parts that it is composed of.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.architecture.decoder;
