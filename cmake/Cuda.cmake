# SPDX-License-Identifier: MIT
# liblldm_cuda.so: the kernels and what touches LibTorch's CUDA half.  liblldm.so loads it when a stage asks
# for "cuda" (src/memory/device.cpp); nothing links it, so one build serves machines with and without a GPU.
set(LLDM_CUDA AUTO CACHE STRING "AUTO (where nvcc is), ON (fail without nvcc) or OFF")
if(NOT LLDM_CUDA)
  message(STATUS "lldm: CUDA is switched off, no liblldm_cuda.so")
  return()
endif()

find_program(LLDM_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
set(_missing "")
if(NOT LLDM_NVCC)
  set(_missing "nvcc is not on the PATH nor in /usr/local/cuda/bin")
elseif(NOT EXISTS "${_torch_lib}/libtorch_cuda.so")
  set(_missing "${_torch_lib} has no libtorch_cuda.so: it is a CPU-only torch")
endif()
if(_missing AND LLDM_CUDA STREQUAL "ON")
  message(FATAL_ERROR "lldm: LLDM_CUDA=ON, but ${_missing}")
elseif(_missing)
  message(STATUS "lldm: no liblldm_cuda.so (${_missing}); device = \"cpu\" only")
  return()
endif()

set(CMAKE_CUDA_COMPILER "${LLDM_NVCC}" CACHE FILEPATH "nvcc")
set(CMAKE_CUDA_RUNTIME_LIBRARY None)  # CUDA::cudart below, shared as the wheel's: two runtimes would share no state
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  # A100; RTX 40; H100 and H200; PTX for what comes later.  90a's own PTX would run nowhere else.
  set(CMAKE_CUDA_ARCHITECTURES 80-real 89-real 90a-real 90-virtual)
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 does not know that nvcc 12 and later have it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
find_package(CUDAToolkit REQUIRED)

file(GLOB LLDM_CUDA_KERNELS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cuda/*.cu ${PROJECT_SOURCE_DIR}/src/train/kernels/*.cu)
add_library(lldm_cuda_kernels OBJECT ${LLDM_CUDA_KERNELS})
# constexpr functions of headers that the host reads too (draws/philox.hpp) are compiled for the device as well.
target_compile_options(lldm_cuda_kernels PRIVATE -Werror=all-warnings -Xcompiler=-Wall --expt-relaxed-constexpr)
# An update's bits are the CPU's, which rounds every operation by itself.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/train/kernels/adamw.cu PROPERTIES COMPILE_OPTIONS "--fmad=false")
target_include_directories(lldm_cuda_kernels PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)

file(GLOB LLDM_CUDA_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cuda/*.cpp)
add_library(lldm_cuda SHARED ${LLDM_CUDA_SOURCES} $<TARGET_OBJECTS:lldm_cuda_kernels>)
target_compile_definitions(lldm_cuda PRIVATE LLDM_VERSION="${PROJECT_VERSION}" LLDM_TORCH_VERSION="${LLDM_TORCH_VERSION}")
target_include_directories(lldm_cuda PRIVATE ${PROJECT_SOURCE_DIR}/src)
# ProcessGroupNCCL.hpp reads nccl.h, which the torch wheel has not: NCCL's own wheel does, and the toolkit may.
find_path(LLDM_NCCL_INCLUDE nccl.h HINTS "${LLDM_TORCH_ROOT}/nvidia/nccl/include" ${CUDAToolkit_INCLUDE_DIRS})
if(LLDM_NCCL_INCLUDE)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/cuda/nccl.cpp PROPERTIES
    COMPILE_DEFINITIONS USE_C10D_NCCL INCLUDE_DIRECTORIES ${LLDM_NCCL_INCLUDE})
else()
  message(STATUS "lldm: nccl.h not found: several processes sum gradients of GPUs on the host")
endif()
# --no-as-needed: LibTorch's CUDA kernels register themselves when their library is loaded, no symbol asks
# for them.  --allow-shlib-undefined: cuBLAS, cuDNN and the rest are there at run time only.
target_link_libraries(lldm_cuda PRIVATE lldm lldm_flags CUDA::cudart
  -Wl,--no-as-needed ${_torch_lib}/libc10_cuda.so ${_torch_lib}/libtorch_cuda.so -Wl,--as-needed
  -Wl,-z,defs -Wl,--allow-shlib-undefined)
