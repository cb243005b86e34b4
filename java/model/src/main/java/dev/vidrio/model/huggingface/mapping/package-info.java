/** Mappings: each says how a family's config and tensors read in GGUF. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.huggingface.mapping;
