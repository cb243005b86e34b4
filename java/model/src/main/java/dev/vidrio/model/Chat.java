package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
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
 * those in the cache. Where the model has states, it goes on from the end of what has run or from a
 * {@linkplain Checkpoint checkpoint} near the end of the prompt of the last turn, which a template
 * may write otherwise from there on; where more differs, all tokens run again. With {@linkplain
 * ChatOptions#tools tools}, the model's calls are in its {@linkplain ChatMessage#toolCalls
 * message}; the caller runs them and sends the results. Not thread-safe.
 */
public final class Chat implements AutoCloseable {
  private final Model model;
  private final ChatFormat format;
  private final ChatOptions template;
  private GenerationOptions generation;
  private final Session session;
  private final Sequence sequence;
  private final List<ChatMessage> messages = new ArrayList<>();
  private @Nullable Checkpoint checkpoint;
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
    this.session = model.newSession(session.withSlots(2));
    this.sequence = this.session.newSequence();
  }

  /** Adds a message of the user, and answers it. */
  public TokenStream send(String text) {
    return send(ChatMessage.user(text));
  }

  /**
   * Adds messages, and answers them. What is left of the answer before is generated first; where
   * that was not wanted, {@linkplain TokenStream#cancel cancel} it. Where an answer fails, the
   * conversation is as it was before the messages that it answers, and can go on from there.
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
    if (prompt.length > session.limits().positions()) {
      throw new InvalidInputException(
          "conversation",
          prompt.length + " tokens",
          "the context has " + session.limits().positions() + " positions");
    }
    Grammar grammar = format.behindThoughts(prompt, generation.grammar());
    var generator = new Generator(model, session, generation.withGrammar(grammar));
    int left = goBack(prompt);
    List<ChatMessage> before = List.copyOf(messages);
    Collections.addAll(messages, more);
    asked = prompt;
    // Templates that leave thoughts out do so up to the last message of the user.
    boolean begins = messages.isEmpty() || !messages.getLast().role().equals("tool");
    answer =
        new TokenStream(
            model,
            generator,
            prompt.length,
            () -> generator.prompt(sequence, prompt, begins ? runToCheckpoint(prompt, left) : left),
            generation.stop(),
            result -> finish(prompt, result),
            () -> takeBack(prompt, before));
    return answer;
  }

  /** Goes back to where a prompt parts from what has run, or before; returns how far it has run. */
  private int goBack(int[] prompt) {
    int mismatch = Arrays.mismatch(cached, prompt);
    // At least one token has to run, for its logits.
    int kept = Math.min(mismatch < 0 ? prompt.length : mismatch, prompt.length - 1);
    Checkpoint earlier = checkpoint;
    int spared = earlier == null ? 0 : earlier.reach(prompt, prompt.length);
    if (earlier == null || kept >= Math.max(sequence.firstReachable(), spared)) {
      return sequence.truncate(kept);
    }
    int left = sequence.restore(earlier, spared);
    if (left == 0) {
      earlier.close();
      checkpoint = null;
    }
    return left;
  }

  /** Takes a checkpoint of a prompt, where that spares enough; returns how far it has run then. */
  private int runToCheckpoint(int[] prompt, int ran) {
    int place = Checkpoint.place(prompt.length);
    Checkpoint earlier = checkpoint;
    int before = earlier == null ? 0 : earlier.length();
    if (session.cache().slots() == 0 || place < ran || place - before < Checkpoint.LEAST) {
      return ran;
    }
    if (place > ran) {
      session.feed(sequence, Arrays.copyOfRange(prompt, ran, place));
    }
    checkpoint = sequence.checkpoint(prompt);
    if (earlier != null) {
      earlier.close();
    }
    return place;
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

  /** After an answer that failed. What has run of its prompt stays in the cache. */
  private void takeBack(int[] prompt, List<ChatMessage> conversation) {
    cached = Arrays.copyOf(prompt, Math.min(prompt.length, sequence.length()));
    messages.clear();
    messages.addAll(conversation);
    answer = null;
  }

  /** The conversation so far, the model's answers included; unmodifiable. */
  public List<ChatMessage> messages() {
    return Collections.unmodifiableList(messages);
  }

  /**
   * Makes the conversation another one, such as the same with other instructions. What the two
   * begin with stays in the cache. An answer that has not ended is {@linkplain TokenStream#close
   * closed}: it belongs to the conversation before.
   */
  public void setMessages(List<ChatMessage> conversation) {
    List<ChatMessage> copy = List.copyOf(conversation);
    endAnswer();
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

  /**
   * Forgets the conversation but for its first messages. An answer that has not ended is
   * {@linkplain TokenStream#close closed}, and forgotten too.
   *
   * @param count how many messages to keep
   * @throws InvalidInputException when there are not so many
   */
  public void truncate(int count) {
    int there = messages.size();
    if (count < 0 || count > there) {
      throw new InvalidInputException("messages", "" + count, "there are " + there);
    }
    endAnswer();
    messages.subList(count, messages.size()).clear();
  }

  private void endAnswer() {
    if (answer != null) {
      answer.close();
    }
  }

  /** Frees its memory. Waits for a step that is running. */
  @Override
  public void close() {
    endAnswer();
    session.close();
  }
}
