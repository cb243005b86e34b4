# Toolchain: cross-builds for the platform VD_TARGET with the clang, linker and system headers of Zig
# (pip install ziglang).
#
# Zig is looked up in VD_ZIG, on PATH, and in build/tools, where `pip install ziglang` installs it.

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VD_TARGET VD_ZIG)

# The oldest systems that JDK 25 supports.
set(targets
    linux-musl-aarch64 Linux aarch64-linux-musl
    linux-musl-x86_64 Linux x86_64-linux-musl
    linux-x86_64 Linux x86_64-linux-gnu.2.28
    macos-aarch64 Darwin aarch64-macos.13.0
    macos-x86_64 Darwin x86_64-macos.13.0
    windows-aarch64 Windows aarch64-windows-gnu
    windows-x86_64 Windows x86_64-windows-gnu
)
list(FIND targets "${VD_TARGET}" at)
if(at LESS 0)
    message(FATAL_ERROR "VD_TARGET: \"${VD_TARGET}\" is not a platform")
endif()
math(EXPR system "${at} + 1")
math(EXPR triple "${at} + 2")
list(GET targets ${system} CMAKE_SYSTEM_NAME)
list(GET targets ${triple} triple)
string(REGEX REPLACE ".*-" "" CMAKE_SYSTEM_PROCESSOR ${VD_TARGET})

file(GLOB places ${CMAKE_CURRENT_LIST_DIR}/../../build/tools/lib/python3*/site-packages/ziglang)
find_program(VD_ZIG zig PATHS ${places} NO_CMAKE_FIND_ROOT_PATH)
if(NOT VD_ZIG)
    message(FATAL_ERROR
        "Zig not found: python3 -m venv build/tools && build/tools/bin/pip install ziglang, or pass -DVD_ZIG=<file>.")
endif()

set(CMAKE_C_COMPILER ${VD_ZIG} cc -target ${triple})
if(CMAKE_SYSTEM_NAME STREQUAL Windows)
    # Zig compiles MinGW separately for stripped and unstripped outputs, in two minutes each. The library
    # is stripped, so CMake's compiler checks are stripped too.
    list(APPEND CMAKE_C_COMPILER -Wl,-s)
endif()

# Tests of the library for Windows run under Wine if it is installed.
if(VD_TARGET STREQUAL windows-x86_64)
    find_program(VD_WINE wine64 PATHS /usr/lib/wine NO_CMAKE_FIND_ROOT_PATH)
    if(VD_WINE)
        set(CMAKE_CROSSCOMPILING_EMULATOR ${VD_WINE})
    endif()
endif()
