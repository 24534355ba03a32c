# SPDX-License-Identifier: MIT
# Checks of the sources themselves: each public header alone, and the rules a compiler does not know.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# What a program that links lldm::lldm compiles with.
set(_includes "$<REMOVE_DUPLICATES:$<FILTER:$<TARGET_PROPERTY:lldm_header_probe,INCLUDE_DIRECTORIES>,EXCLUDE,^(${PROJECT_SOURCE_DIR}/(include|src|tests)|/usr/include$)>>")
set(_header_compiler "${CMAKE_CXX_COMPILER} -std=c++20 -Wall -Wextra -Wconversion -Wno-sign-conversion -Werror -D$<JOIN:$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:lldm_header_probe,COMPILE_DEFINITIONS>>, -D> -isystem $<JOIN:${_includes}, -isystem >")
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/header_check/probe.cpp CONTENT "#include \"lldm/fwd.hpp\"\n")
add_library(lldm_header_probe OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/header_check/probe.cpp)
target_link_libraries(lldm_header_probe PRIVATE lldm)
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/header_check/run.sh CONTENT
  "exec '${Python3_EXECUTABLE}' '${PROJECT_SOURCE_DIR}/tools/check_headers' --cache '${PROJECT_BINARY_DIR}/header_check/times.json' --compiler '${_header_compiler}'\n")
add_custom_target(lldm_header_check COMMAND sh ${PROJECT_BINARY_DIR}/header_check/run.sh USES_TERMINAL VERBATIM)

if(BUILD_TESTING)
  add_test(NAME header_check COMMAND sh ${PROJECT_BINARY_DIR}/header_check/run.sh)
  set_tests_properties(header_check PROPERTIES LABELS unit PROCESSORS 2 TIMEOUT 900)
  add_test(NAME source_rules COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/check_sources)
  file(GLOB _tool_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/tools/*_test.py)
  set(_names source_rules)
  foreach(_test ${_tool_tests})
    get_filename_component(_name ${_test} NAME_WE)
    add_test(NAME tools.${_name} COMMAND ${Python3_EXECUTABLE} ${_test})
    list(APPEND _names tools.${_name})
  endforeach()
  set_tests_properties(${_names} PROPERTIES LABELS unit TIMEOUT 300)
endif()
