# Toolchain: builds for the platform VD_TARGET on any machine, by the clang, the linker and the system
# headers that Zig brings (pip install ziglang).
#
# Zig is searched in VD_ZIG, on PATH, and where `pip install ziglang` in build/tools puts it.

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VD_TARGET VD_ZIG)

# The oldest systems that run JDK 25.
set(targets
    linux-x86_64 Linux x86_64-linux-gnu.2.28
    macos-aarch64 Darwin aarch64-macos.13.0
    macos-x86_64 Darwin x86_64-macos.13.0
    windows-x86_64 Windows x86_64-windows-gnu
)
list(FIND targets "${VD_TARGET}" at)
if(at LESS 0)
    message(FATAL_ERROR "VD_TARGET \"${VD_TARGET}\" names no platform")
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
        "No zig: python3 -m venv build/tools && build/tools/bin/pip install ziglang, or name one by -DVD_ZIG=<file>.")
endif()

set(CMAKE_C_COMPILER ${VD_ZIG} cc -target ${triple})
if(CMAKE_SYSTEM_NAME STREQUAL Windows)
    # Zig compiles MinGW for what is stripped and again, for two minutes, for what is not. The library
    # is; so are the programs by which CMake gets to know the compiler.
    list(APPEND CMAKE_C_COMPILER -Wl,-s)
endif()

# Tests of the library for Windows run where Wine is.
if(CMAKE_SYSTEM_NAME STREQUAL Windows)
    find_program(VD_WINE wine64 PATHS /usr/lib/wine NO_CMAKE_FIND_ROOT_PATH)
    if(VD_WINE)
        set(CMAKE_CROSSCOMPILING_EMULATOR ${VD_WINE})
    endif()
endif()
