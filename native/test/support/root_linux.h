// A temporary directory with files like those of /sys and /proc.
#ifndef VD_TEST_ROOT_LINUX_H
#define VD_TEST_ROOT_LINUX_H

// Creates the directory, which is empty, or removes it.
void root_create(void);
void root_remove(void);

// Returns its path.
const char *root_path(void);

// Writes a file; `path` begins with a slash.
void root_write(const char *path, const char *text);

// Removes all files.
void root_clear(void);

#endif
