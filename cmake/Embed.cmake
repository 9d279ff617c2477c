# cmake -DOUTPUT=FILE.cpp -DINCLUDE=HEADER -DNAMESPACE=NAME -DFILES=name=path|name=path -P Embed.cmake
# Writes a source that defines each file's content as a `std::string_view`. Files are plain ASCII.
set(text "// Written by the build.\n#include <${INCLUDE}>\n\nnamespace ${NAMESPACE} {\n")
string(REPLACE "|" ";" FILES "${FILES}")
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  file(READ "${CMAKE_MATCH_2}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "\nnamespace {\nconstexpr char ${name}_bytes[] = {\n${bytes}};\n}\n"
                     "constinit const std::string_view ${name}(${name}_bytes, sizeof ${name}_bytes);\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}\n}  // namespace ${NAMESPACE}\n")
