package dev.vidrio.lens.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

class MaskGatesTest {
  /** The file has draws of the programs of both distributions' authors. */
  @ParameterizedTest
  @CsvFileSource(resources = "gates.tsv", delimiter = '\t', numLinesToSkip = 1)
  void drawsGatesOfOtherPrograms(
      MaskGates gates, double parameter, double u, double gate, double slope) {
    assertEquals(gate, gates.gate(parameter, u), 1e-12);
    assertEquals(slope, gates.slope(parameter, u), 1e-12);
  }
}
