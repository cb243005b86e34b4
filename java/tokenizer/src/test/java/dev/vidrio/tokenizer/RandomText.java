package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.text.Utf8;
import java.util.List;
import java.util.Random;

/** Generates seeded texts that are difficult for tokenizers. */
public final class RandomText {
  /** The number of texts of a test, more with the profile "exhaustive". */
  public static final int COUNT = Boolean.getBoolean("vidrio.test.exhaustive") ? 2500 : 500;

  private static final List<String> PIECES =
      List.of(
          " ",
          "  ",
          "   ",
          "\t",
          "\n",
          "\r",
          "\r\n",
          "\n \n",
          "\u00a0",
          "\u0085",
          "\u2028",
          "\u2029",
          "\u3000",
          "\u1680",
          "\u202f",
          "\u000b",
          "\f",
          "\u001c",
          "\u180e",
          "\u200b",
          "'s",
          "'T",
          "'re",
          "'LL",
          "'ve",
          "'m",
          "'D",
          "'ll",
          "'",
          "''",
          "'r",
          "'l",
          "'\u017f",
          "'\u212a",
          "\u2019s",
          "HAMLET",
          "Hello",
          "the",
          "naïve",
          "Straße",
          "мир",
          "日本語",
          "한국어",
          "עברית",
          "العربية",
          "हिन्दी",
          "ไทย",
          "ﬁ",
          "ǅ",
          "ß",
          "İ",
          "e\u0301",
          "\u0301",
          "a\u0308\u0323",
          "👩\u200d👩\u200d👧\u200d👦",
          "🇩🇪",
          "👍🏽",
          "❤\ufe0f",
          "0",
          "42",
          "1234567",
          "٣٤",
          "½",
          "Ⅷ",
          "²",
          "𝟘",
          "𒐀",
          "!",
          "...",
          "--",
          "_",
          "#$%",
          "\u00ad",
          "\ufeff",
          "\u0000",
          "\u007f",
          "\u001f",
          "<|endoftext|>",
          "<|",
          "|>",
          "\ud800",
          "\udc00",
          "\udbff");

  /** The first and last code points of the ranges to draw from. */
  private static final int[][] RANGES = {
    {0x20, 0x7e},
    {0, 0xff},
    {0x100, 0x36f},
    {0x370, 0x5ff},
    {0x600, 0xfff},
    {0x1000, 0x1fff},
    {0x2000, 0x2bff},
    {0x3000, 0x9fff},
    {0xa000, 0xffff},
    {0x10000, 0x1ffff},
    {0x20000, 0x3ffff},
    {0xe0000, 0x10ffff},
    {0, 0x10ffff},
  };

  private final Random random;

  public RandomText(long seed) {
    random = new Random(seed);
  }

  /** Returns a text of up to about twenty pieces; it may contain unpaired surrogates. */
  public String text() {
    StringBuilder text = new StringBuilder();
    for (int count = random.nextInt(20); count > 0; count--) {
      switch (random.nextInt(8)) {
        case 0, 1, 2, 3 -> text.append(piece());
        case 4 -> text.append(piece().repeat(1 + random.nextInt(5)));
        default -> {
          int[] range = RANGES[random.nextInt(RANGES.length)];
          text.appendCodePoint(random.nextInt(range[0], range[1] + 1));
        }
      }
    }
    return text.toString();
  }

  private String piece() {
    return PIECES.get(random.nextInt(PIECES.size()));
  }

  /** Returns the UTF-8 of a text with some bytes replaced, removed or duplicated. */
  public byte[] bytes() {
    byte[] bytes = Utf8.encode(text());
    for (int damage = random.nextInt(6); damage > 0 && bytes.length > 1; damage--) {
      int from = random.nextInt(bytes.length);
      int to = random.nextInt(bytes.length);
      bytes[to] = random.nextBoolean() ? bytes[from] : (byte) random.nextInt(256);
    }
    return bytes;
  }
}
