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
    PRINT_BEGIN("'{{'"),
    PRINT_END("'}}'"),
    TAG_BEGIN("'{%'"),
    TAG_END("'%}'"),
    NAME("name"),
    STRING("string"),
    INTEGER("integer"),
    FLOAT("float"),
    OPERATOR("operator"),
    END("end of the template");

    private final String description;

    Kind(String description) {
      this.description = description;
    }
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  /** Describes the token for an error message. */
  String describe() {
    return switch (kind) {
      case NAME, OPERATOR, INTEGER, FLOAT -> "'" + text + "'";
      default -> kind.description;
    };
  }
}
