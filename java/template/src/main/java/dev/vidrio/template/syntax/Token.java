package dev.vidrio.template.syntax;

/**
 * A token of a template.
 *
 * @param kind the kind
 * @param text data, a name, an operator, a number as written, or the value of a string literal
 * @param line the line where it starts, from 1
 */
record Token(Kind kind, String text, int line) {

  /** Kinds of tokens. */
  enum Kind {
    DATA("text"),
    NAME,
    STRING("string"),
    INTEGER,
    FLOAT,
    /** An operator, a bracket, or the beginning or end of a print or a tag. */
    OPERATOR,
    END("end of the template");

    /** The description for errors; empty if the text describes the token. */
    private final String description;

    Kind() {
      this("");
    }

    Kind(String description) {
      this.description = description;
    }
  }

  /** Returns whether the token is a name or an operator with a text. */
  boolean is(String nameOrOperator) {
    return (kind == Kind.NAME || kind == Kind.OPERATOR) && text.equals(nameOrOperator);
  }

  /** Describes the token for an error message. */
  String describe() {
    return kind.description.isEmpty() ? "'" + text + "'" : kind.description;
  }
}
