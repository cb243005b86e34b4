/**
 * The files of a directory: the config's values, and the tensors in the names and layouts of GGUF.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.huggingface.checkpoint;
