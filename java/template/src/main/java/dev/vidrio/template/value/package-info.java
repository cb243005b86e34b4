/**
 * What a template computes with: values as Python has them, what a rendering may cost ({@link
 * dev.vidrio.template.value.Meter}) and how it fails ({@link dev.vidrio.template.value.Fault}).
 */
@NullMarked
package dev.vidrio.template.value;

import org.jspecify.annotations.NullMarked;
