/**
 * What a template computes with: values as Python has them, what a rendering may cost ({@link
 * dev.vidrio.model.template.value.Meter}) and how it fails ({@link
 * dev.vidrio.model.template.value.Fault}).
 */
@NullMarked
package dev.vidrio.model.template.value;

import org.jspecify.annotations.NullMarked;
