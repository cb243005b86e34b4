/**
 * The values of templates, the limits of a rendering ({@link dev.vidrio.template.value.Meter}) and
 * its faults ({@link dev.vidrio.template.value.Fault}). Not exported.
 */
@NullMarked
package dev.vidrio.template.value;

import org.jspecify.annotations.NullMarked;
