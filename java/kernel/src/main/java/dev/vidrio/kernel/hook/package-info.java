/**
 * The targets of taps, tables of edits and statistics of activations to which operations at hook
 * points refer. All may change between steps without changing the plan.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.hook;
