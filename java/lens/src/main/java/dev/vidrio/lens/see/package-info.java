/**
 * What the residual stream holds: what the model would say at each layer, which components wrote
 * it, and how large its elements are.
 */
package dev.vidrio.lens.see;
