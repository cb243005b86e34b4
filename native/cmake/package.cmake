# Copies LIBRARY without its debug information to DIRECTORY, with its SHA-256 in hex. The debug
# information is stored next to LIBRARY as <name>.debug, where debuggers find it. Without OBJCOPY,
# LIBRARY is copied unchanged.

cmake_path(GET LIBRARY FILENAME name)
set(packaged ${DIRECTORY}/${name})
file(MAKE_DIRECTORY ${DIRECTORY})
if(OBJCOPY)
    execute_process(COMMAND ${OBJCOPY} --only-keep-debug ${LIBRARY} ${LIBRARY}.debug COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${STRIP} --strip-unneeded -o ${packaged} ${LIBRARY} COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${OBJCOPY} --add-gnu-debuglink=${LIBRARY}.debug ${packaged} COMMAND_ERROR_IS_FATAL ANY)
else()
    file(COPY ${LIBRARY} DESTINATION ${DIRECTORY})
endif()
file(SHA256 ${packaged} digest)
file(WRITE ${packaged}.sha256 "${digest}\n")
