/**
 * Attributes a model's prediction to the tokens of a text: by gradients, occlusion and context
 * mixing (section 3.1 of the primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.attribute;
