# SPDX-License-Identifier: MIT
# One flag set for everything of ours (docs/decisions/0001-build.md).
add_library(lldm_flags INTERFACE)
target_compile_options(lldm_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wno-sign-conversion;-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(lldm_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fconcepts-diagnostics-depth=2>)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

set(LLDM_SANITIZE "" CACHE STRING "Sanitizers of g++, for example address,undefined")
if(LLDM_SANITIZE)
  add_compile_options(-fsanitize=${LLDM_SANITIZE} -fno-sanitize=vptr)  # LibTorch ships without typeinfo of some bases
  add_link_options(-fsanitize=${LLDM_SANITIZE})
endif()

find_program(LLDM_MOLD mold)
if(LLDM_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12.1)
  add_link_options(-fuse-ld=mold)
endif()

find_program(LLDM_CCACHE ccache)
if(LLDM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache and a precompiled header agree only with these (its manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${LLDM_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

# LibTorch's headers cost 5 s a file, 1.5 s when precompiled. Only headers of others are in it, so that an
# edit of ours never rebuilds it. OFF shows includes that a .cpp forgot (the preset asan builds so).
option(LLDM_PCH "Precompile LibTorch's and Catch2's headers" ON)
set(LLDM_PCH_HEADERS <ATen/core/Tensor.h> <ATen/TensorOperators.h> <ATen/ops/empty.h>)
