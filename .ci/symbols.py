#!/usr/bin/env python3
"""Checks libraries of any platform:  symbols.py HEADER LIBRARY...

Each must export exactly the VD_API functions of the header and depend only on libraries of the
system. Requires lief (pip install lief).
"""

import pathlib
import re
import sys

import lief

SYSTEM_LIBRARIES = re.compile(
    r"lib(c|m|dl|pthread)\.so\.\d+|ld-linux-[\w-]+\.so\.\d"
    r"|libc\.so"  # of musl
    r"|/usr/lib/libSystem\.B\.dylib"
    r"|KERNEL32\.dll|api-ms-win-(crt|core)-[\w-]+\.dll"
)
# Names that Zig's linker adds.
LINKER_SYMBOLS = {"__mh_dylib_header", "___dso_handle"}


def declared(header):
    text = re.sub(r"//[^\n]*", "", pathlib.Path(header).read_text())
    return set(re.findall(r"VD_API[^;]*?\b(vd_\w+)\(", text))


def read(path):
    """Returns the exported symbols of a library and the libraries that it depends on."""
    library = lief.parse(path)
    if isinstance(library, lief.ELF.Binary):
        symbols = {s.name for s in library.exported_symbols}
        return symbols, set(library.libraries)
    if isinstance(library, lief.PE.Binary):
        return {e.name for e in library.get_export().entries}, {i.name for i in library.imports}
    if isinstance(library, lief.MachO.Binary):
        trie = library.dyld_exports_trie if library.has_dyld_exports_trie else library.dyld_info
        symbols = {e.symbol.name for e in trie.exports} - LINKER_SYMBOLS
        own = "@rpath/" + pathlib.Path(path).name
        return {s.removeprefix("_") for s in symbols}, {l.name for l in library.libraries} - {own}
    sys.exit(f"{path}: not a library")


def main(header, *paths):
    lief.logging.disable()
    wanted = declared(header)
    if not wanted or not paths:
        sys.exit(__doc__)
    wrong = 0
    for path in paths:
        symbols, libraries = read(path)
        faults = [f"does not export {name}" for name in sorted(wanted - symbols)]
        faults += [f"exports {name}" for name in sorted(symbols - wanted)]
        faults += [f"depends on {name}" for name in sorted(libraries) if not SYSTEM_LIBRARIES.fullmatch(name)]
        print(f"{path}: {'; '.join(faults) or f'the {len(symbols)} functions of the header'}")
        wrong += len(faults)
    sys.exit(wrong > 0)


main(*sys.argv[1:])
