/**
 * The GGUF format: metadata and tensors of a model in one memory-mapped, fully validated file.
 *
 * <p>Start at {@link dev.vidrio.formats.gguf.Gguf#open}, which returns {@link
 * dev.vidrio.formats.gguf.Metadata} and {@link dev.vidrio.formats.gguf.GgufTensor}s. {@link
 * dev.vidrio.formats.gguf.GgufWriter} writes files. Versions 2 and 3 are read, little-endian, also
 * split into several files.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF
 *     specification</a>
 */
@NullMarked
package dev.vidrio.formats.gguf;

import org.jspecify.annotations.NullMarked;
