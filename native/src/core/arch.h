// The processor architecture of this build's kernels; neither if it has scalar ones only.
#ifndef VD_CORE_ARCH_H
#define VD_CORE_ARCH_H

#if (defined(__x86_64__) || defined(_M_X64)) && !defined(VD_SCALAR)
#define VD_X86_64 1
#else
#define VD_X86_64 0
#endif

#if (defined(__aarch64__) || defined(_M_ARM64)) && !defined(VD_SCALAR)
#define VD_AARCH64 1
#else
#define VD_AARCH64 0
#endif

// Kernels are composed of small functions over vectors that must be inlined into one loop.
#define VD_INLINE static inline __attribute__((always_inline))

// Parts of a kernel that are called once for thousands of products are functions of their own: the
// time to compile a function grows faster than its size.
#define VD_APART static __attribute__((noinline))

#endif
