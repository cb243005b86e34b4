package dev.vidrio.template.call;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A part of the pattern of a call: literal text, a variable, or a JSON object with variables. */
public sealed interface Part {

  /**
   * Literal text. Each run of white space is optional, since models vary it.
   *
   * @param text the text
   */
  record Text(String text) implements Part {}

  /**
   * A variable.
   *
   * @param variable the variable
   */
  record Slot(Variable variable) implements Part {}

  /**
   * A JSON object with the function's name and its arguments.
   *
   * @param members the members, in the order in which the template writes them
   */
  record Members(List<Member> members) implements Part {
    /** Returns whether the object has a single member, from the name to the arguments. */
    public boolean isKeyed() {
      return members.getFirst().key().equals("$name");
    }
  }

  /**
   * A member of a {@link Members} object.
   *
   * @param key the key; {@code $name} if it is the function's name
   * @param value the value
   */
  record Member(String key, Variable value) {}

  /** The variables of patterns. */
  enum Variable {
    /** The function's name. */
    NAME,
    /** The call's id. */
    ID,
    /** The call's number, from 0; ignored by readers. */
    INDEX,
    /** The arguments as a JSON object. */
    JSON,
    /** The arguments as keyword arguments of Python, separated by commas. */
    PYTHON,
    /** The arguments as a JSON object with unquoted keys and strings between {@code <|"|>}. */
    GEMMA,
    /** The arguments, each written as the format's {@link ToolCallFormat#parameter}. */
    PARAMETERS,
    /** The name of a parameter. */
    KEY,
    /** The type of a parameter's value: {@code string} and {@code true} mean literal text. */
    TYPE,
    /** The value of a parameter: a string as literal text, other values as JSON. */
    VALUE
  }

  /** Returns the parts of a pattern, in which {@code $json} stands for {@link Variable#JSON}. */
  static List<Part> parse(String pattern) {
    List<Part> parts = new ArrayList<>();
    Matcher matcher = Patterns.PART.matcher(pattern);
    int end = 0;
    while (matcher.find()) {
      if (matcher.start() > end) {
        parts.add(new Text(pattern.substring(end, matcher.start())));
      }
      parts.add(matcher.group(1) == null ? members(matcher.group()) : slot(matcher.group(1)));
      end = matcher.end();
    }
    if (end < pattern.length()) {
      parts.add(new Text(pattern.substring(end)));
    }
    return List.copyOf(parts);
  }

  private static Slot slot(String name) {
    return new Slot(Variable.valueOf(name.toUpperCase(java.util.Locale.ROOT)));
  }

  private static Members members(String object) {
    List<Member> members = new ArrayList<>();
    Matcher member = Patterns.MEMBER.matcher(object);
    while (member.find()) {
      members.add(new Member(member.group(1), slot(member.group(2)).variable()));
    }
    return new Members(List.copyOf(members));
  }

  /** The syntax of patterns. */
  final class Patterns {
    private static final Pattern PART = Pattern.compile("\\{\"[^{}]*\\$json[^{}]*\\}|\\$([a-z]+)");
    private static final Pattern MEMBER = Pattern.compile("\"([$\\w]+)\": \"?\\$([a-z]+)\"?");

    private Patterns() {}
  }
}
