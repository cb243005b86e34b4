package dev.vidrio.grammar.expression;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/**
 * The sets of {@code \p{…}}: by the names of ECMA-262, and by those of {@link Pattern} that
 * ECMA-262 does not define.
 */
final class CharacterProperties {

  /** The names in {@link Pattern} of properties that it names differently from ECMA-262. */
  private static final Map<String, String> JAVA_NAMES =
      Arrays.stream(
              """
              L=Letter LC=Cased_Letter Lu=Uppercase_Letter Ll=Lowercase_Letter Lt=Titlecase_Letter
              Lm=Modifier_Letter Lo=Other_Letter M=Mark M=Combining_Mark Mn=Nonspacing_Mark
              Mc=Spacing_Mark Me=Enclosing_Mark N=Number Nd=Decimal_Number Nd=digit
              Nl=Letter_Number No=Other_Number P=Punctuation P=punct Pc=Connector_Punctuation
              Pd=Dash_Punctuation Ps=Open_Punctuation Pe=Close_Punctuation
              Pi=Initial_Punctuation Pf=Final_Punctuation Po=Other_Punctuation S=Symbol
              Sm=Math_Symbol Sc=Currency_Symbol Sk=Modifier_Symbol So=Other_Symbol Z=Separator
              Zs=Space_Separator Zl=Line_Separator Zp=Paragraph_Separator C=Other Cc=Control
              Cc=cntrl Cf=Format Co=Private_Use Cn=Unassigned IsAlphabetic=Alphabetic
              IsAlphabetic=Alpha IsLowercase=Lowercase IsLowercase=Lower IsUppercase=Uppercase
              IsUppercase=Upper IsWhite_Space=White_Space IsWhite_Space=space
              IsIdeographic=Ideographic IsIdeographic=Ideo IsHex_Digit=Hex_Digit
              IsHex_Digit=Hex XDigit=ASCII_Hex_Digit XDigit=AHex IsEmoji=Emoji
              """
                  .split("\\s+"))
          .map(each -> each.split("="))
          .collect(Collectors.toUnmodifiableMap(each -> each[1], each -> each[0]));

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_=]{1,40}");

  /** Bounds the cache, since names are case-insensitive and have many spellings. */
  private static final int MAX_KNOWN = 256;

  /** The sets found so far; finding one enumerates all code points. */
  private static final Map<String, CodePoints> KNOWN = new ConcurrentHashMap<>();

  private CharacterProperties() {}

  /** Returns the set with a name, if it exists. */
  static Optional<CodePoints> find(String name) {
    CodePoints known = KNOWN.get(name);
    if (known != null || !NAME.matcher(name).matches()) {
      return Optional.ofNullable(known);
    }
    try {
      String plain = name.replaceFirst("^(gc|General_Category)=", "");
      String java = JAVA_NAMES.getOrDefault(plain, plain);
      CodePoints found = search(Pattern.compile("\\p{" + java + "}+"));
      if (KNOWN.size() < MAX_KNOWN) {
        KNOWN.put(name, found);
      }
      return Optional.of(found);
    } catch (PatternSyntaxException e) {
      return Optional.empty();
    }
  }

  private static CodePoints search(Pattern runs) {
    StringBuilder all = new StringBuilder();
    for (CodePoints.Range range : CodePoints.ALL.ranges()) {
      for (int c = range.first(); c <= range.last(); c++) {
        all.appendCodePoint(c);
      }
    }
    List<CodePoints> found = new ArrayList<>();
    for (Matcher run = runs.matcher(all); run.find(); ) {
      found.add(CodePoints.range(all.codePointAt(run.start()), all.codePointBefore(run.end())));
    }
    return CodePoints.union(found);
  }
}
