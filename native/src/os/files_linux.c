#include "os/files_linux.h"

#include <stdarg.h>
#include <string.h>

static FILE *open_below(const char *root, const char *format, va_list arguments) {
    char path[VD_PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s", root);
    if (length < 0 || length >= VD_PATH_BYTES) {
        return NULL;
    }
    int rest = vsnprintf(path + length, sizeof path - (size_t)length, format, arguments);
    return rest >= 0 && rest < VD_PATH_BYTES - length ? fopen(path, "re") : NULL;
}

FILE *vd_open_below(const char *root, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    FILE *file = open_below(root, format, arguments);
    va_end(arguments);
    return file;
}

int64_t vd_read_number(int64_t fallback, const char *root, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    FILE *file = open_below(root, format, arguments);
    va_end(arguments);
    long long value = 0;
    int found = file != NULL && fscanf(file, "%lld", &value) == 1;
    if (file != NULL) {
        fclose(file);
    }
    return found ? value : fallback;
}

int vd_read_list(vd_processor_set *set, const char *root, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    FILE *file = open_below(root, format, arguments);
    va_end(arguments);
    *set = (vd_processor_set){0};
    if (file == NULL) {
        return 0;
    }
    int found = 0;
    int first;
    while (fscanf(file, "%d", &first) == 1) {
        int last;
        last = fscanf(file, "-%d", &last) == 1 ? last : first;
        last = last < VD_PROCESSORS_MAX ? last : VD_PROCESSORS_MAX - 1;
        for (int id = first; id <= last; id++) {
            vd_set_add(set, id);
        }
        found = 1;
        if (fgetc(file) != ',') {
            break;
        }
    }
    fclose(file);
    return found;
}

static int digit_value(char digit) {
    static const char digits[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit);
    return found == NULL ? -1 : (int)(found - digits);
}

int vd_read_mask(vd_processor_set *set, const char *root, const char *format, ...) {
    char text[4096] = "";
    va_list arguments;
    va_start(arguments, format);
    FILE *file = open_below(root, format, arguments);
    va_end(arguments);
    *set = (vd_processor_set){0};
    if (file == NULL) {
        return 0;
    }
    int found = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    int64_t id = 0;
    for (size_t i = strcspn(text, "\n"); i-- > 0;) {
        int value = digit_value(text[i]);
        for (int bit = 0; value >= 0 && bit < 4; bit++) {
            if (value >> bit & 1) {
                vd_set_add(set, id + bit);
            }
        }
        id += value >= 0 ? 4 : 0;
    }
    return found && id > 0;
}
