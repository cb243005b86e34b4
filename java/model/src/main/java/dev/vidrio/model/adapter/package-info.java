/**
 * Low-rank adapters (LoRA): reads them, inserts their products into plans, and assigns them to
 * sequences. {@code Model.openAdapter} opens one.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.adapter;
