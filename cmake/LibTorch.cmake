# SPDX-License-Identifier: MIT
# Imported targets for the LibTorch that the torch 2.11.0 wheel carries: lldm::torch_cpu (what
# liblldm.so links) and, where nvcc is present, lldm::torch_cuda (what liblldm_cuda.so links).
# find_package(Torch) is not used: it insists on the CUDA toolkit even for a CPU build.
#
# LLDM_TORCH_ROOT is a folder that contains torch/ (and nvidia/, which libtorch_cpu.so needs at run time).
# Found in order: -DLLDM_TORCH_ROOT, $LLDM_TORCH_ROOT, the cache folder that tools/test fills, an
# installed torch 2.11.0 of any python3 on the PATH.
set(LLDM_TORCH_VERSION 2.11.0)

function(_lldm_find_torch out)
  set(cache "$ENV{XDG_CACHE_HOME}")
  if(NOT cache)
    set(cache "$ENV{HOME}/.cache")
  endif()
  foreach(root "${LLDM_TORCH_ROOT}" "$ENV{LLDM_TORCH_ROOT}" "${cache}/lldm/torch-${LLDM_TORCH_VERSION}"
               ${CMAKE_PREFIX_PATH})
    if(root AND EXISTS "${root}/torch/lib/libtorch_cpu.so")
      set(${out} "${root}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  find_program(python NAMES python3)
  if(python)
    execute_process(
      COMMAND ${python} -c "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(os.path.dirname(s.origin)) if s else '')"
      OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(root AND EXISTS "${root}/torch/lib/libtorch_cpu.so")
      set(${out} "${root}" PARENT_SCOPE)
      return()
    endif()
  endif()
  message(FATAL_ERROR "LibTorch ${LLDM_TORCH_VERSION} not found\n"
    "  looked at -DLLDM_TORCH_ROOT, $LLDM_TORCH_ROOT, ${cache}/lldm/torch-${LLDM_TORCH_VERSION}, CMAKE_PREFIX_PATH and python3's torch\n"
    "  tools/test --build-only installs it; or pass -DLLDM_TORCH_ROOT=<folder that contains torch/>")
endfunction()

_lldm_find_torch(LLDM_TORCH_ROOT_FOUND)
set(LLDM_TORCH_ROOT "${LLDM_TORCH_ROOT_FOUND}" CACHE PATH "folder that contains torch/" FORCE)
file(STRINGS "${LLDM_TORCH_ROOT}/torch/version.py" _torch_version REGEX "__version__ = ")
if(NOT _torch_version MATCHES "'${LLDM_TORCH_VERSION}")
  message(FATAL_ERROR "LibTorch at ${LLDM_TORCH_ROOT} is ${_torch_version}; lldm needs ${LLDM_TORCH_VERSION}")
endif()

set(_torch_lib "${LLDM_TORCH_ROOT}/torch/lib")
set(_torch_include "${LLDM_TORCH_ROOT}/torch/include" "${LLDM_TORCH_ROOT}/torch/include/torch/csrc/api/include")

foreach(name c10 torch_cpu)
  add_library(lldm::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(lldm::${name} PROPERTIES
    IMPORTED_LOCATION "${_torch_lib}/lib${name}.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_torch_include}"
    # AT_PER_OPERATOR_HEADERS: ATen/TensorOperators.h includes one operator's header, not all of them (-2 s a file)
    INTERFACE_COMPILE_DEFINITIONS "_GLIBCXX_USE_CXX11_ABI=1;AT_PER_OPERATOR_HEADERS")
endforeach()
# libtorch_cpu.so finds libcudart.so.13 and libcupti.so.13 by its own RPATH beside the wheel
# (nvidia/), or in the loader's path: the link must not try to resolve them itself.
set_target_properties(lldm::torch_cpu PROPERTIES
  INTERFACE_LINK_LIBRARIES "lldm::c10;-Wl,--allow-shlib-undefined")

# The OpenMP runtime that libtorch_cpu.so itself uses: two runtimes in one process would be two thread pools.
add_library(lldm::gomp SHARED IMPORTED GLOBAL)
set_target_properties(lldm::gomp PROPERTIES IMPORTED_LOCATION "${_torch_lib}/libgomp.so.1")
