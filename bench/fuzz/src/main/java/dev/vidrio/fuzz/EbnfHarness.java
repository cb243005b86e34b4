package dev.vidrio.fuzz;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.util.List;

/** Compiles a grammar in GBNF and generates a random text, which the grammar matches. */
public final class EbnfHarness {
  private EbnfHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    try {
      var _ = GrammarWalk.text(Grammar.ebnf(Fixtures.text(data)), data, 40);
    } catch (InvalidInputException e) {
      Oracle.requireOneLine(e);
    }
  }

  /** Returns grammars with each operator. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        "root ::= \"yes\" | \"no\"",
        "root ::= item (\",\" item)* # list\nitem ::= [a-z]+ | \"(\" root \")\"",
        "root ::= [^\\x00-\\x1f\"\\\\]{2,5} ws?\nws ::= [ \\t\\n]*",
        "root ::= (\"a\" | \"b\")+ \"\\u00e9\\U0001F600\" .\n",
        "root ::= s{0,3} t{2} u{1,}\ns ::= \"x\"\nt ::= \"\"\nu ::= s t | \"y\"");
  }
}
