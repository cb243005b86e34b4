/**
 * Opens Hugging Face model directories ({@code config.json} and {@code *.safetensors}) as if they
 * were GGUF files: with the same keys, tensor names and layouts, so that architectures need only
 * one reader.
 *
 * <p>Start at {@link dev.vidrio.model.huggingface.HuggingFaceModel#open}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.huggingface;
