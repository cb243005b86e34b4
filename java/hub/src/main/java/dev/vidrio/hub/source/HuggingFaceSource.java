package dev.vidrio.hub.source;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.file.PathSegment;
import java.net.URI;
import java.util.regex.Pattern;

/**
 * One file of a Hugging Face repository, downloaded over HTTPS.
 *
 * @param owner the user or organization
 * @param repo the repository name without the owner
 * @param revision a commit, branch, tag or reference such as {@code refs/pr/1}
 * @param file the path inside the repository, segments separated by {@code /}
 * @see <a href="https://huggingface.co/docs/huggingface_hub/guides/download">Hugging Face
 *     downloads</a>
 */
public record HuggingFaceSource(String owner, String repo, String revision, String file)
    implements ModelSource {

  /** The default revision of a reference. */
  public static final String DEFAULT_REVISION = "main";

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,95})");
  private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._/-]{0,127}");

  /**
   * Checks that the names are valid in a URL and in a path of the store.
   *
   * @throws InvalidInputException if a name has characters or segments that Hugging Face does not
   *     allow
   */
  public HuggingFaceSource {
    checkName("Hugging Face owner", owner);
    checkName("Hugging Face repository", repo);
    if (!REVISION.matcher(revision).matches() || revision.contains("..")) {
      throw new InvalidInputException(
          "Hugging Face revision",
          revision,
          "must be a commit, branch or tag of letters, digits and '._-/', at most 128 of them");
    }
    if (file.isEmpty()) {
      throw new InvalidInputException("Hugging Face file", file, "must not be empty");
    }
    for (String segment : file.split("/", -1)) {
      PathSegment.check("Hugging Face file", file, segment);
    }
  }

  private static void checkName(String field, String name) {
    if (!NAME.matcher(name).matches() || name.contains("..") || name.endsWith(".")) {
      throw new InvalidInputException(
          field, name, "must be 1 to 96 letters, digits and '._-', with no dots at either end");
    }
  }

  @Override
  public String label() {
    String path = "hf:" + owner + "/" + repo + "/" + file;
    return revision.equals(DEFAULT_REVISION) ? path : path + "@" + revision;
  }

  /**
   * Returns the URL of the file.
   *
   * @param endpoint the root URL, such as {@code https://huggingface.co}; a mirror's may have a
   *     path
   */
  public URI downloadUri(URI endpoint) {
    String root = endpoint.toString().replaceFirst("/+$", "");
    String path = PathSegment.encode(revision) + "/" + PathSegment.encodePath(file);
    return URI.create(root + "/" + owner + "/" + repo + "/resolve/" + path);
  }
}
