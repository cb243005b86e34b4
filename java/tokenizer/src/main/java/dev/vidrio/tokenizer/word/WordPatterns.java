package dev.vidrio.tokenizer.word;

/** The regular expressions of pre-tokenizers. */
public final class WordPatterns {

  /** GPT-2 (Radford et al. 2019). */
  public static final String GPT_2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  /** One digit. */
  public static final String DIGIT_ALONE = "\\p{N}";

  static final String UP_TO_3_DIGITS = "\\p{N}{1,3}";

  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String LINES_AND_SPACES = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String SYMBOLS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
  private static final String LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";

  private static final String UP_TO_3_DIGITS_AND_SYMBOLS =
      CONTRACTIONS + "|" + LETTERS + "|\\p{N}{1,3}" + SYMBOLS;

  /** Ignoring case, {@code 's} also matches U+017F (ſ), as in training. */
  static final String LLAMA_3 = UP_TO_3_DIGITS_AND_SYMBOLS + LINES_AND_SPACES;

  static final String UFAKZEKA = LETTERS + "|\\p{N}" + SYMBOLS + LINES_AND_SPACES;
  static final String QWEN_2 = CONTRACTIONS + "|" + UFAKZEKA;

  static final String QWEN_3_5 =
      CONTRACTIONS
          + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"
          + LINES_AND_SPACES;

  static final String MINI_CPM_5 =
      CONTRACTIONS + "|" + LETTERS + "|\\p{N}+" + SYMBOLS + LINES_AND_SPACES;

  static final String SEED_CODER =
      CONTRACTIONS + "|" + LETTERS + "|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+" + LINES_AND_SPACES;

  static final String BAILING_MOE =
      "'(?i:[sdmt]|ll|ve|re)|" + LETTERS + "|\\p{N}" + SYMBOLS + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

  static final String EXAONE_MOE =
      CONTRACTIONS
          + "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String BEFORE = "[^\\r\\n\\p{L}\\p{N}]?";
  private static final String PATHS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";

  /** Mistral's Tekken. */
  static final String TEKKEN = cased("") + "|\\p{N}" + PATHS + LINES_AND_SPACES;

  /** OpenAI's o200k. */
  static final String GPT_4O =
      cased(CONTRACTIONS + "?") + "|\\p{N}{1,3}" + PATHS + LINES_AND_SPACES;

  static final String YOUTU_SCRIPTS =
      "[\uac00-\ud7a3\u3131-\u318e]+"
          + "|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+"
          + "|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";

  /** o200k with single digits. */
  static final String YOUTU = GPT_4O.replace("{1,3}", "");

  private static final String NOT_HAN = "&&[^\\p{Han}]]";

  /** Kimi K2: o200k with runs of Han characters as separate words. */
  static final String KIMI_K2 =
      "\\p{Han}+|"
          + GPT_4O
              .replace(UPPER, UPPER.replace("]", NOT_HAN))
              .replace(LOWER, LOWER.replace("]", NOT_HAN))
              .replace("[\\r\\n/]*", "[\\r\\n]*");

  /** Jais 2: Llama 3 with white space in lengths of powers of two. */
  static final String JAIS_2 =
      UP_TO_3_DIGITS_AND_SYMBOLS
          + "|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)"
          + "|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s";

  static final String CHAMELEON_SENTINELS = "<sentinel:[0-9]+>";
  static final String CHAMELEON_IMAGES = "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z";
  static final String CHAMELEON_SPACES = "([\\t\\n]|    |  )";
  static final String CHAMELEON_SYMBOLS = "[\\p{P}!-/:-@\\[-`{-~]";

  /** Groups of three digits, counted from the right, in numbers. */
  static final String DIGIT_GROUPS = "\\d{1,3}(?=(?:\\d{3})*\\b)";

  static final String DIGIT_GROUPS_AHEAD = "(?=(\\d{3})+(?!\\d))";

  static final String NUMBER_GROUPS = "\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))";

  /** The Chinese, Japanese, Thai, Lao, Khmer, Myanmar and Korean scripts. */
  static final String AFMOE_SCRIPTS =
      "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf"
          + "\u0e00-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff"
          + "\uac00-\ud7af\u1100-\u11ff]+";

  static final String FALCON_SYMBOLS = "[\\p{P}\\$\\+<=>\\^~\\|`]+";
  static final String THREE_DIGITS = "[0-9][0-9][0-9]";

  /** The symbols of the pre-tokenizer of files that name none. */
  static final String DEFAULT_SYMBOLS = "[\\p{P}\\$\\+<=>\\^~\\|]+";

  /** A run of digits. */
  public static final String NUMBERS = "\\p{N}+";

  /** BLOOM and derived models. */
  static final String BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";

  static final String NEWLINE = "[\r\n]";
  static final String DEEPSEEK_CODER_LETTERS = "\\s?\\p{L}+";
  static final String DEEPSEEK_CODER_SYMBOLS = "\\s?\\p{P}+";
  static final String DEEPSEEK_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
  static final String DEEPSEEK_SYMBOLS =
      "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+";
  static final String DEEPSEEK_TRAILING_SPACES = "\\s+$";

  static final String DEEPSEEK_3_CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";
  private static final String DEEPSEEK_3_WORDS =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
          + "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+";

  static final String DEEPSEEK_3 = DEEPSEEK_3_WORDS + "[\r\n]*" + LINES_AND_SPACES;
  static final String SPARK_2_5 = DEEPSEEK_3_WORDS + "|[\r\n]|\\s+(?!\\S)|\\s+";

  /** The letters of the Latin, Greek, Cyrillic, Armenian and other cased scripts. */
  static final String DEEPSEEK_LETTERS =
      "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-"
          + "\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-"
          + "\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556"
          + "\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b"
          + "\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d"
          + "\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
          + "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4"
          + "\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128"
          + "\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184"
          + "\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b"
          + "\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17"
          + "\uff21-\uff3a\uff41-\uff5a\ud801\udc00-\ud801\udc4f\ud801\udcb0-\ud801\udcd3"
          + "\ud801\udcd8-\ud801\udcfb\ud803\udc80-\ud803\udcb2\ud803\udcc0-\ud803\udcf2"
          + "\ud806\udca0-\ud806\udcdf\ud83a\udd00-\ud83a\udd43]+";

  private WordPatterns() {}

  /** Returns the pattern of words that change from upper to lower case at most once. */
  private static String cased(String suffix) {
    String lower = BEFORE + UPPER + "*" + LOWER + "+" + suffix;
    String upper = BEFORE + UPPER + "+" + LOWER + "*" + suffix;
    return lower + "|" + upper;
  }
}
