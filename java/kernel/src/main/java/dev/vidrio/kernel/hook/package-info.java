/**
 * Targets of taps, tables of edits, and statistics of activations, to which operations at hook
 * points refer. All may change between steps while the plan stays the same.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.hook;
