# SPDX-License-Identifier: MIT
# include/lldm/build_id.hpp in the build tree.  The LibTorch wheel says its own version and the CUDA
# it was made for: a property of the build, the same on machines with and without a GPU.
file(STRINGS "${LLDM_TORCH_ROOT}/torch/version.py" _lldm_torch_lines)
set(LLDM_TORCH_CUDA_VERSION none)
foreach(line ${_lldm_torch_lines})
  if(line MATCHES "^__version__ = '([^']+)'")
    set(LLDM_TORCH_FULL_VERSION "${CMAKE_MATCH_1}")
  elseif(line MATCHES "^cuda.*= '([^']+)'")
    set(LLDM_TORCH_CUDA_VERSION "${CMAKE_MATCH_1}")
  endif()
endforeach()
configure_file(${PROJECT_SOURCE_DIR}/cmake/build_id.hpp.in
               ${PROJECT_BINARY_DIR}/include/lldm/build_id.hpp @ONLY)
