/**
 * Structured output: constrains generation by JSON schemas, regular expressions and GBNF grammars.
 *
 * <p>Start at {@link dev.vidrio.grammar.Grammar}.
 */
@org.jspecify.annotations.NullMarked
module dev.vidrio.grammar {
  requires transitive dev.vidrio.template;
  requires transitive dev.vidrio.tokenizer;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.grammar;
}
