package dev.vidrio.model.receipt;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Xxh64Test {
  /** Hashes of the first n of the bytes (37 i + 11) mod 256, by Python's xxhash 4.1.0. */
  @ParameterizedTest
  @CsvSource({
    "0, ef46db3751d8e999",
    "1, f592c0c7639c4cb6",
    "3, 22c08528601d4f27",
    "4, fb1e5cf2f1ae4d95",
    "7, 5613ac510496c04e",
    "8, 57cb2b7521f3e21a",
    "11, 1bef4539443a2d5a",
    "12, 2f53b00266039e64",
    "15, 90a9714eb00e8d29",
    "16, c6843cef99721174",
    "28, ff5c77ef1446f7e5",
    "31, e4a0e629e519a4ae",
    "32, cc6b8aaada790b2d",
    "33, 35ec49850475a832",
    "36, bebb6d8c24fb3cfa",
    "40, 3b21ed23eea85c2d",
    "63, bf9f0ba3cf95b28a",
    "64, 155ccce4bf32befc",
    "100, 4826e367566ea023",
    "256, 43c92f09cb3e28cf",
    "999, b49cf50426f895bf"
  })
  void equalsOtherImplementation(int n, String expected) {
    var bytes = new byte[n];
    for (int i = 0; i < n; i++) {
      bytes[i] = (byte) ((37 * i) + 11);
    }
    assertEquals(expected, HexFormat.of().toHexDigits(Xxh64.of(MemorySegment.ofArray(bytes))));
  }
}
