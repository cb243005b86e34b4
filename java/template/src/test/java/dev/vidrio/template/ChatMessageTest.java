package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChatMessageTest {

  @Test
  void createsFieldsThatTemplatesRead() {
    assertEquals(Map.of("role", "system", "content", "a"), ChatMessage.system("a").fields());
    assertEquals(Map.of("role", "user", "content", "a"), ChatMessage.user("a").fields());
    assertEquals(Map.of("role", "assistant", "content", "a"), ChatMessage.assistant("a").fields());
    assertEquals(
        Map.of("role", "tool", "content", "a", "tool_call_id", "7"),
        ChatMessage.tool("a", null, "7").fields());
    assertEquals(
        Map.of("role", "assistant", "reasoning_content", "r"),
        ChatMessage.assistant(null, "r", List.of()).fields());
  }

  @Test
  void returnsRoleAndContent() {
    assertEquals("user", ChatMessage.user("a").role());
    assertEquals("a", ChatMessage.user("a").content());
    assertNull(ChatMessage.of(Map.of("role", "user")).content());
    assertNull(ChatMessage.of(Map.of("role", "user", "content", List.of())).content());
  }

  @Test
  void omitsNullFields() {
    Map<String, Object> json = new HashMap<>(Map.of("role", "assistant"));
    json.put("content", null);
    assertEquals(Map.of("role", "assistant"), ChatMessage.of(json).fields());
  }

  @Test
  void copiesFields() {
    List<Object> parts = new ArrayList<>(List.of(1, 2.5f, true, new BigInteger("7")));
    ChatMessage message = ChatMessage.of(Map.of("role", "user", "content", parts));
    parts.clear();
    assertEquals(List.of(1L, 2.5, true, new BigInteger("7")), message.fields().get("content"));
  }

  @Test
  void requiresRole() {
    var e = assertThrows(InvalidInputException.class, () -> ChatMessage.of(Map.of("content", "x")));
    assertEquals("message: must have a string field 'role'", e.getMessage());
    assertThrows(InvalidInputException.class, () -> ChatMessage.of(Map.of("role", 7)));
  }

  @Test
  void acceptsOnlyJsonValues() {
    Map<String, Object> hostObject = Map.of("role", "user", "content", new Object());
    assertThrows(IllegalArgumentException.class, () -> ChatMessage.of(hostObject));
    Map<String, Object> oddKey = Map.of("role", "user", "content", Map.of(1, 2));
    assertThrows(IllegalArgumentException.class, () -> ChatMessage.of(oddKey));
    Map<String, Object> huge = Map.of("role", "u", "content", BigInteger.ONE.shiftLeft(2000));
    assertThrows(InvalidInputException.class, () -> ChatMessage.of(huge));
  }
}
