package dev.vidrio.model;

import dev.vidrio.model.grammar.Grammar;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ChatOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A conversation with a chat model:
 *
 * {@snippet file="GenerationExamples.java" region="chat"}
 *
 * <p>Each turn renders the whole conversation again, but runs only the tokens that differ from
 * those in the cache; where the model has states, and those there are {@linkplain
 * Sequence#firstReachable gone}, all of them. With {@linkplain ChatOptions#tools tools}, the
 * model's calls are in its {@linkplain ChatMessage#toolCalls message}; the caller runs them and
 * sends the results. Not thread-safe.
 */
public final class Chat implements AutoCloseable {
  private final Model model;
  private final ChatFormat format;
  private final ChatOptions template;
  private GenerationOptions generation;
  private final Session session;
  private final Sequence sequence;
  private final List<ChatMessage> messages = new ArrayList<>();
  private int[] cached = {};
  private int[] asked = {};
  private @Nullable TokenStream answer;

  Chat(
      Model model,
      ChatFormat format,
      ChatOptions template,
      GenerationOptions generation,
      SessionOptions session) {
    this.model = model;
    this.format = format;
    this.template = template;
    this.generation = generation;
    this.session = model.newSession(session);
    this.sequence = this.session.newSequence();
  }

  /** Adds a message of the user, and answers it. */
  public TokenStream send(String text) {
    return send(ChatMessage.user(text));
  }

  /**
   * Adds messages, and answers them. What is left of the answer before is generated first; where
   * that was not wanted, {@linkplain TokenStream#cancel cancel} it.
   *
   * @param more messages of any roles, such as the results of tools
   * @throws InvalidInputException when the template does not take the messages, or the conversation
   *     has grown longer than the context; it is then as it was
   */
  public TokenStream send(ChatMessage... more) {
    if (answer != null) {
      var _ = answer.result();
    }
    List<ChatMessage> conversation = new ArrayList<>(messages);
    Collections.addAll(conversation, more);
    int[] prompt = format.encode(conversation, template);
    int mismatch = Arrays.mismatch(cached, prompt);
    // At least one token has to run, for its logits.
    int kept = Math.min(mismatch < 0 ? prompt.length : mismatch, prompt.length - 1);
    if (prompt.length > session.limits().positions()) {
      throw new InvalidInputException(
          "conversation",
          prompt.length + " tokens",
          "the context has " + session.limits().positions() + " positions");
    }
    Grammar grammar = format.behindThoughts(prompt, generation.grammar());
    var generator = new Generator(model, session, generation.withGrammar(grammar));
    int left = sequence.truncate(kept);
    Collections.addAll(messages, more);
    asked = prompt;
    answer =
        new TokenStream(
            model,
            generator,
            sequence,
            prompt,
            left,
            generation.stop(),
            result -> finish(prompt, result));
    return answer;
  }

  /**
   * What tells content, reasoning and calls apart in the pieces of the answer that was asked for
   * last, for {@link ChatAnswer#accept(String)}.
   */
  public ChatAnswer newAnswer() {
    return format.newAnswer(asked, !template.tools().isEmpty(), true);
  }

  private void finish(int[] prompt, GenerationResult result) {
    int[] all = Arrays.copyOf(prompt, prompt.length + result.tokens().size());
    for (int i = prompt.length; i < all.length; i++) {
      all[i] = result.tokens().get(i - prompt.length);
    }
    cached = Arrays.copyOf(all, Math.min(all.length, sequence.length()));
    messages.add(format.newAnswer(prompt, !template.tools().isEmpty()).read(result));
  }

  /** The conversation so far, the model's answers included; unmodifiable. */
  public List<ChatMessage> messages() {
    return Collections.unmodifiableList(messages);
  }

  /**
   * Makes the conversation another one, such as the same with other instructions. What the two
   * begin with stays in the cache.
   */
  public void setMessages(List<ChatMessage> conversation) {
    List<ChatMessage> copy = List.copyOf(conversation);
    messages.clear();
    messages.addAll(copy);
  }

  /** How the next answers are generated. */
  public GenerationOptions options() {
    return generation;
  }

  /** Lets the next answers be generated otherwise. */
  public void setOptions(GenerationOptions options) {
    generation = options;
  }

  /** Forgets the conversation but for its first messages. */
  public void truncate(int count) {
    messages.subList(count, messages.size()).clear();
  }

  /** Frees its memory. Waits for a step that is running. */
  @Override
  public void close() {
    if (answer != null) {
      answer.close();
    }
    session.close();
  }
}
