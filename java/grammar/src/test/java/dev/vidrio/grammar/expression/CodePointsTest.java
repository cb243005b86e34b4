package dev.vidrio.grammar.expression;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class CodePointsTest {

  private static final int[] EDGES = {
    0, 0x22, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF
  };

  private static int random(SplittableRandom random) {
    int near = EDGES[random.nextInt(EDGES.length)] + random.nextInt(-3, 4);
    return Math.clamp(random.nextInt(3) > 0 ? near : random.nextInt(0x110000), 0, 0x10FFFF);
  }

  private record Both(CodePoints set, BitSet bits) {
    static Both random(SplittableRandom random) {
      CodePoints set = CodePoints.NONE;
      BitSet bits = new BitSet();
      for (int i = random.nextInt(4); i >= 0; i--) {
        int a = CodePointsTest.random(random);
        int b = CodePointsTest.random(random);
        set = CodePoints.union(set, CodePoints.range(Math.min(a, b), Math.max(a, b)));
        bits.set(Math.min(a, b), Math.max(a, b) + 1);
      }
      bits.clear(Character.MIN_SURROGATE, Character.MAX_SURROGATE + 1);
      return new Both(set, bits);
    }
  }

  private static void check(IntPredicate expected, CodePoints set) {
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      boolean surrogate = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
      assertEquals(!surrogate && expected.test(c), set.contains(c));
    }
  }

  @RepeatedTest(5)
  void matchesBitSetOperations(RepetitionInfo repetition) {
    SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
    Both one = Both.random(random);
    Both other = Both.random(random);
    check(one.bits::get, one.set);
    check(c -> !one.bits.get(c), one.set.complement());
    check(c -> one.bits.get(c) && other.bits.get(c), one.set.intersect(other.set));
    check(c -> one.bits.get(c) && !other.bits.get(c), one.set.minus(other.set));
    check(c -> one.bits.get(c) || other.bits.get(c), CodePoints.union(one.set, other.set));
    assertEquals(one.set, one.set.complement().complement());
  }

  private static void checkProperty(String name, IntPredicate expected) {
    CodePoints set = CharacterProperties.find(name).orElseThrow();
    for (int c = 0; c <= 0x2FFF; c++) {
      assertEquals(expected.test(c), set.contains(c), name + " " + c);
    }
  }

  @Test
  void matchesJavaProperties() {
    for (String name : List.of("L", "Lu", "IsGreek", "sc=Latin")) {
      checkProperty(name, c -> Character.toString(c).matches("\\p{" + name + "}"));
    }
    assertEquals(true, CharacterProperties.find("Nonsense").isEmpty());
    assertEquals(true, CharacterProperties.find("L}|(.*").isEmpty());
  }

  /** Names that Java defines as sets of ASCII. */
  @Test
  void supportsEcmaScriptNames() {
    checkProperty("Letter", Character::isLetter);
    checkProperty("Alpha", Character::isAlphabetic);
    checkProperty("Lower", Character::isLowerCase);
    checkProperty("Uppercase", Character::isUpperCase);
    checkProperty("digit", c -> Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER);
    checkProperty("gc=Math_Symbol", c -> Character.getType(c) == Character.MATH_SYMBOL);
    checkProperty("space", c -> Character.isSpaceChar(c) || (c >= 9 && c <= 13) || c == 0x85);
  }
}
