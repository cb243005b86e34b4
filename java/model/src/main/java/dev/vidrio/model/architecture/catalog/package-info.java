/**
 * The supported architectures, by lineage. An entry is the one description of an architecture: its
 * plan, the mapping of its Hugging Face directories, its traits and its row in docs/formats.md.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.architecture.catalog;
