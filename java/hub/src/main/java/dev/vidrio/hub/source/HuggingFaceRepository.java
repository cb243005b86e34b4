package dev.vidrio.hub.source;

import dev.vidrio.error.InvalidInputException;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A Hugging Face repository of GGUF files and the quantization to use.
 *
 * @param owner the user or organization
 * @param repo the repository name without the owner
 * @param revision a commit, branch, tag or reference
 * @param quant the quantization as in the names of files, such as {@code Q4_K_M}, in any case;
 *     empty for the default
 */
public record HuggingFaceRepository(
    String owner, String repo, String revision, Optional<String> quant) {

  private static final Pattern QUANT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,31}");

  /**
   * Checks the names, as {@link HuggingFaceSource} does.
   *
   * @throws InvalidInputException if a name is malformed
   */
  public HuggingFaceRepository {
    var _ = new HuggingFaceSource(owner, repo, revision, "any");
    if (quant.filter(text -> !QUANT.matcher(text).matches()).isPresent()) {
      throw new InvalidInputException(
          "quantization", quant.get(), "must be 1 to 32 letters, digits and '._-'");
    }
  }

  /** Returns the reference, {@code hf:owner/repo:quant@revision}. */
  public String label() {
    String name = "hf:" + owner + "/" + repo + quant.map(text -> ":" + text).orElse("");
    return revision.equals(HuggingFaceSource.DEFAULT_REVISION) ? name : name + "@" + revision;
  }

  /** Returns a file of this repository. */
  public HuggingFaceSource file(String path) {
    return new HuggingFaceSource(owner, repo, revision, path);
  }
}
