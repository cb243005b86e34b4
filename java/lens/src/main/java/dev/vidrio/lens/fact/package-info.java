/**
 * Recall of facts and their edits (sections 3.2 and 5.5 of the primer, arXiv 2405.00208): where the
 * model stores what a prompt asks for, how it reaches the last token, and how to change it.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.fact;
