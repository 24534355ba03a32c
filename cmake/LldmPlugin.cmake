# SPDX-License-Identifier: MIT
# lldm_add_plugin(<name> SOURCES a.cpp ...): a shared library that `lldm` loads, in the tree and from the
# package alike.  Only lldm_plugin_query is exported; every symbol must be found at link time.
function(lldm_add_plugin name)
  cmake_parse_arguments(PLUGIN "" "" "SOURCES" ${ARGN})
  if(NOT PLUGIN_SOURCES OR PLUGIN_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lldm_add_plugin(${name}): write lldm_add_plugin(<name> SOURCES <file>...)")
  endif()
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  add_library(${name} MODULE ${PLUGIN_SOURCES})
  target_link_libraries(${name} PRIVATE lldm::lldm)
  target_compile_features(${name} PRIVATE cxx_std_20)
  set_target_properties(${name} PROPERTIES
    CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON DEFINE_SYMBOL ""
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${name} PRIVATE -O2 -Wall -Wextra "-ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=")
  set(exports "${CMAKE_CURRENT_BINARY_DIR}/${name}.exports")
  file(WRITE "${exports}" "{ global: lldm_plugin_query; local: *; };\n")
  target_link_options(${name} PRIVATE "-Wl,--version-script=${exports}" -Wl,-z,defs)
endfunction()
