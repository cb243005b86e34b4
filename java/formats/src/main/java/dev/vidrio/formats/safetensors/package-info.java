/**
 * The safetensors format: a JSON header with names, types and shapes, then the tensors' bytes,
 * little endian.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.formats.safetensors;
