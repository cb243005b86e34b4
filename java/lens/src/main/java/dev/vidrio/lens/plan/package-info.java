/**
 * Plans of models under the lens: where the values of hook points come from, taps and edits that
 * are put into a plan, parts of one that run by themselves, and the memory of all that. The module
 * keeps it to itself.
 */
package dev.vidrio.lens.plan;
