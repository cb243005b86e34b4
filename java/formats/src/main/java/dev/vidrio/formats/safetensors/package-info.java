/**
 * The safetensors format: a JSON header with names, types and shapes, then the tensors' bytes,
 * little-endian.
 *
 * <p>Start at {@link dev.vidrio.formats.safetensors.Safetensors#open} to read and {@link
 * dev.vidrio.formats.safetensors.SafetensorsWriter#create} to write.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">The safetensors format</a>
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.formats.safetensors;
