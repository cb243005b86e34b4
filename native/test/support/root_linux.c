#include "support/root_linux.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/files_linux.h"
#include "support/check.h"

static char root[] = "root-XXXXXX";

void root_create(void) { CHECK(mkdtemp(root) != NULL); }

void root_remove(void) { CHECK(rmdir(root) == 0); }

const char *root_path(void) { return root; }

static void create_directories(char *path) {
    for (char *slash = strchr(path + sizeof root, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

void root_write(const char *path, const char *text) {
    char name[3 * VD_PATH_BYTES];
    snprintf(name, sizeof name, "%s%s", root, path);
    FILE *file = fopen(name, "w");
    if (file == NULL) {
        create_directories(name);
        file = fopen(name, "w");
    }
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    return walk->level > 0 ? remove(path) : 0;
}

void root_clear(void) { CHECK(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0); }
