/**
 * Opens directories as Hugging Face's transformers write them, {@code config.json} and {@code
 * *.safetensors}, as if they were GGUF files: with the same keys, names and layouts of tensors, so
 * that architectures know but one vocabulary.
 *
 * <p>Start at {@link dev.vidrio.model.huggingface.HuggingFaceModel#open}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.huggingface;
