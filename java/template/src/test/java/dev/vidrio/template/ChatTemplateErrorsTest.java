package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors name the line of the template and the fault. */
class ChatTemplateErrorsTest {

  private static String render(String source) {
    return ChatTemplate.parse("m.gguf", source)
        .render(List.of(ChatMessage.user("x")), ChatOptions.builder().build());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "a{{ 1 | line 1: expected '}}', found end of the template",
        "a~{% if x %}~b | line 3: missing 'elif' or 'else' or 'endif'",
        "a~~{% endfor %} | line 3: 'endfor' without an opening tag",
        "~{{ 'x }} | line 2: unterminated string",
        "{{ ~~ 1 + }} | line 3: expected an expression, found '}}'",
        "{# c~c~#}{{ ? }} | line 3: unexpected character '?'",
        "{% set none = 1 %} | line 1: 'none' cannot be assigned",
        "{% raw %}~{{ | line 1: 'raw' without 'endraw'",
        "~{# | line 2: unterminated comment",
        "{{ (1] }} | line 1: unmatched ']'",
        "{% break %} | line 1: 'break' outside a loop",
      })
  void namesLineOfSyntaxErrors(String source, String error) {
    var e = assertThrows(ModelFileException.class, () -> render(source.replace('~', '\n')));
    assertEquals("m.gguf: chat template " + error, e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "~{% include 'x' %} | line 2: tag 'include'",
        "{% extends 'x' %} | line 1: tag 'extends'",
        "{% block x %}{% endblock %} | line 1: tag 'block'",
        "{% do x.append(1) %} | line 1: tag 'do'",
        "~~{{ 'a'!xmlattr }} | line 3: filter 'xmlattr'",
        "{{ 'a' is divine }} | line 1: test 'divine'",
        "{{ 'a'.encode() }} | line 1: string method 'encode'",
        "{{ cycler('a') }} | line 1: function 'cycler'",
        "{{ strftime_now('%Q') }} | line 1: time format '%Q'",
      })
  void namesUnsupportedFeatures(String source, String construct) {
    String template = source.replace('~', '\n').replace('!', '|');
    var e = assertThrows(UnsupportedModelException.class, () -> render(template));
    assertEquals("m.gguf", e.file());
    assertEquals("chat template " + construct, e.feature());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{% if false %}{{ 'a'|xmlattr }}{% endif %}", "{{ 'a'.encode is not defined }}"})
  void ignoresUnreachedFaults(String source) {
    render(source);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "~{{ raise_exception('Roles must alternate') }} | line 2: Roles must alternate",
        "{{ nothing.x }} | line 1: 'nothing' is undefined",
        "{{ messages[0].x.y }} | line 1: a value of type 'dict' has no attribute or element 'x'",
        "{{ messages[3].x }} | line 1: a value of type 'list' has no attribute or element '3'",
        "{{ 'a' + 1 }} | line 1: '+' is not supported for types 'str' and 'int'",
        "{{ ['a'~,~1 / 0] }} | line 3: division by zero",
        "{% macro m() %}~{{ 1 < 'a' }}{% endmacro %}~~{{ m() }} "
            + "| line 2: cannot order values of types 'int' and 'str'",
        "{{ [].append(1) }} | line 1: method 'append' is not allowed: a list is immutable in"
            + " templates",
        "{{ 'a'!join(1, 2, 3) }} | line 1: filter 'join' takes at most 2 arguments",
        "{{ 'a'!trim(x=1) }} | line 1: filter 'trim' has no parameter 'x'",
        "{{ 'a'!replace('b') }} | line 1: filter 'replace': argument 'new' is missing",
        "{{ 'a'.split(1) }} | line 1: string method 'split' requires a string as 'sep', not a value"
            + " of type 'int'",
      })
  void namesLineOfFaults(String source, String error) {
    String template = source.replace('~', '\n').replace('!', '|');
    var e = assertThrows(InvalidInputException.class, () -> render(template));
    assertEquals("m.gguf: chat template " + error, e.getMessage());
  }
}
