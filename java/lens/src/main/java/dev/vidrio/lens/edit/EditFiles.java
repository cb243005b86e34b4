package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import java.nio.file.Path;

/** The files that edits may name. */
public interface EditFiles {
  /** No files: every name is rejected. */
  EditFiles NONE =
      new EditFiles() {
        @Override
        public Path tensors(String name) {
          throw rejected(name);
        }

        @Override
        public String text(String name) {
          throw rejected(name);
        }

        private InvalidInputException rejected(String name) {
          return new InvalidInputException("file", name, "not supported here");
        }
      };

  /** Returns the safetensors file of a name. */
  Path tensors(String name);

  /** Returns the content of a text file. */
  String text(String name);
}
