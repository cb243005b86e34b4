#ifndef VIDRIO_H
#define VIDRIO_H

#if defined(VD_BUILD)
#define VD_API __attribute__((visibility("default")))
#else
#define VD_API
#endif

/** Version of the library, as "major.minor.patch". The string is static. */
VD_API const char* vd_version(void);

#endif
