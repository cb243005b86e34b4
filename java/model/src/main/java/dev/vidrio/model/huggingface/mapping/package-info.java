/** Mappings of Hugging Face configurations and checkpoints to the keys and tensors of GGUF. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.huggingface.mapping;
