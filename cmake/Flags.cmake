# SPDX-License-Identifier: MIT
# One flag set for everything of ours.
add_library(lldm_flags INTERFACE)
target_compile_options(lldm_flags INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Werror -fconcepts-diagnostics-depth=2)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
find_program(LLDM_MOLD mold)
if(LLDM_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12.1)
  add_link_options(-fuse-ld=mold)
endif()
find_program(LLDM_CCACHE ccache)
if(LLDM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LLDM_CCACHE})
endif()
