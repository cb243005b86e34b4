package dev.vidrio.engine.draft;

import dev.vidrio.engine.pace.CompletionStats;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.DraftPlan;
import dev.vidrio.model.session.Session;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The draft tokens of all requests (speculative decoding). A draft token is accepted only if the
 * model chooses it anyway, so answers are the same, token by token. A draft is as long as is
 * expected to pay, or empty; a proposal that costs no time is compared with the answer even if it
 * was not in a step, so that the engine notices when drafts begin to pay. Used by the scheduler's
 * thread only.
 */
public final class Drafts implements AutoCloseable {
  private final Drafter drafter;
  private final @Nullable DraftLength lengths;
  private final Acceptance all = new Acceptance(null);
  private final Map<RunningRequest, Proposal> proposals = new HashMap<>();
  private int accepted;

  /** The proposal for one request. Its first {@code chosen} tokens are the draft. */
  private static final class Proposal {
    final Acceptance acceptance;
    int support;
    int chosen;
    int start;
    int[] tokens = {};

    Proposal(Acceptance acceptance) {
      this.acceptance = acceptance;
    }

    /** Compares the proposal with the tokens that were generated. */
    void compare(TokenSequence generated) {
      boolean right = true;
      for (int i = 0; right && i < Math.min(tokens.length, generated.length() - start); i++) {
        right = tokens[i] == generated.token(start + i);
        acceptance.observe(support + i, right);
      }
      tokens = new int[0];
    }
  }

  /**
   * Creates the drafts of an engine.
   *
   * @param draft the draft model; if null, the model's draft block drafts, or prompt lookup if it
   *     was opened without one
   * @param session runs the engine's steps
   * @param positions maximum number of tokens of a request
   * @param adaptive whether drafts are as long as pays, instead of as long as allowed
   * @throws dev.vidrio.error.InvalidInputException if the draft model does not fit the model
   */
  public Drafts(
      Model model, @Nullable Model draft, Session session, int positions, boolean adaptive) {
    this.drafter = drafter(model, draft, session, positions);
    this.lengths = adaptive ? new DraftLength(session.limits().tokens()) : null;
  }

  private static Drafter drafter(
      Model model, @Nullable Model draft, Session session, int positions) {
    if (draft != null) {
      return new DraftModel(model, draft, session.limits(), positions);
    }
    DraftPlan block = model.architecture().draft();
    return block == null ? new PromptLookup() : new BlockDrafter(model, block, session);
  }

  /**
   * Chooses the drafts of the next step.
   *
   * @param stats estimates how many tokens the requests will still generate
   */
  public void prepare(List<RunningRequest> running, CompletionStats stats) {
    int generating = 0;
    int prompts = 0;
    for (RunningRequest active : running) {
      for (TokenSequence tokens : active.sequences()) {
        generating += tokens.pending() == 1 ? 1 : 0;
        prompts += tokens.pending() == 1 ? 0 : 1;
      }
    }
    accepted = 0;
    if (lengths != null && generating > 0) {
      lengths.begin(generating, drafter.tokenNanos(generating));
    }
    Map<RunningRequest, Integer> chosen = new LinkedHashMap<>();
    for (RunningRequest active : running) {
      if (active.maxDraftTokens() == 0) {
        end(active);
      } else if (active.tokens().pending() == 1) {
        int tokens = choose(active, prompts > 0 ? 0 : Math.max(1, stats.remainingTokens(active)));
        if (tokens > 0) {
          chosen.put(active, tokens);
        }
      }
    }
    if (!chosen.isEmpty()) {
      drafter.prepare(chosen);
    }
    proposals.forEach(this::propose);
  }

  /**
   * Chooses the number of draft tokens.
   *
   * @param remaining expected number of tokens that the request still generates; 0 in a step with
   *     prompts, where every row costs its full arithmetic and no draft pays
   */
  private int choose(RunningRequest active, int remaining) {
    Proposal proposal =
        proposals.computeIfAbsent(active, ignored -> new Proposal(new Acceptance(all)));
    TokenSequence tokens = active.tokens();
    int revocable = tokens.sequence().revocableFrom(tokens.length() - 1) - 1;
    int max = Math.min(active.maxDraftTokens(), revocable);
    proposal.support = drafter.support(active);
    proposal.start = tokens.length();
    proposal.chosen = 0;
    if (proposal.support == Drafter.NO_DRAFT || max <= 0) {
      return 0;
    }
    if (lengths == null) {
      proposal.chosen = max;
    } else if (remaining > 0) {
      proposal.chosen =
          lengths.choose(
              new DraftLength.Offer(
                  proposal.acceptance,
                  proposal.support,
                  max,
                  drafter.catchUpNanos(active),
                  remaining));
    }
    return proposal.chosen;
  }

  private void propose(RunningRequest active, Proposal proposal) {
    if (active.tokens().pending() == 1 && proposal.support != Drafter.NO_DRAFT) {
      proposal.tokens = drafter.draft(active, Math.max(1, proposal.chosen));
    }
  }

  /** Returns the draft tokens of a request, at most {@code max}. */
  public int[] draft(RunningRequest active, int max) {
    Proposal proposal = proposals.get(active);
    if (proposal == null) {
      return new int[0];
    }
    int count = Math.min(max, Math.min(proposal.chosen, proposal.tokens.length));
    return Arrays.copyOf(proposal.tokens, Math.max(0, count));
  }

  /** Compares the proposal for a request with the tokens that a step generated. */
  public void compare(RunningRequest active, int acceptedTokens) {
    accepted += acceptedTokens;
    Proposal proposal = proposals.get(active);
    if (proposal != null) {
      proposal.compare(active.tokens());
    }
  }

  /** Adds the measured time of a step without prompts, after its tokens were compared. */
  public void observe(int rows, double nanos) {
    if (lengths != null) {
      lengths.observe(rows, accepted, nanos);
    }
  }

  /** Releases the state of a request that has ended or was preempted. */
  public void end(RunningRequest active) {
    drafter.end(active);
    proposals.remove(active);
  }

  @Override
  public void close() {
    drafter.close();
  }
}
