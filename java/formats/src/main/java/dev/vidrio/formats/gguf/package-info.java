/**
 * Reads GGUF model files: metadata and tensors, memory-mapped and fully validated.
 *
 * <p>Start at {@link dev.vidrio.formats.gguf.Gguf#open}. The format is specified by the ggml
 * project (<i>docs/gguf.md</i>); versions 2 and 3 are read, little-endian.
 */
@NullMarked
package dev.vidrio.formats.gguf;

import org.jspecify.annotations.NullMarked;
