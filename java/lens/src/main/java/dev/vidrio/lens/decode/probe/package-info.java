/**
 * Classifies activations by linear maps: {@linkplain dev.vidrio.lens.decode.probe.LinearProbe
 * probes} of labeled {@linkplain dev.vidrio.lens.decode.probe.Examples examples}, {@linkplain
 * dev.vidrio.lens.decode.probe.ControlTask control tasks}, and {@linkplain
 * dev.vidrio.lens.decode.probe.Leace erasure} of the classes.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.probe;
