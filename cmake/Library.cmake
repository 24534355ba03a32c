# SPDX-License-Identifier: MIT
# liblldm.so: everything but the command line and CUDA. Folder = role; every .cpp of src/<role>/ belongs.
file(GLOB_RECURSE LLDM_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp)
list(FILTER LLDM_SOURCES EXCLUDE REGEX "/src/(cli|cuda)/")
add_library(lldm SHARED ${LLDM_SOURCES})
target_compile_definitions(lldm PRIVATE LLDM_VERSION="${PROJECT_VERSION}" LLDM_TORCH_VERSION="${LLDM_TORCH_VERSION}")
add_library(lldm::lldm ALIAS lldm)
target_include_directories(lldm
  PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(lldm
  PUBLIC lldm::torch_cpu Boost::headers nlohmann_json::nlohmann_json
  PRIVATE lldm_flags tomlplusplus::tomlplusplus Eigen3::Eigen
          PkgConfig::PCRE2 PkgConfig::UTF8PROC PkgConfig::CRYPTO ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(lldm PROPERTIES EXPORT_NAME lldm VERSION ${PROJECT_VERSION} SOVERSION 0)
if(LLDM_PCH)
  target_precompile_headers(lldm PRIVATE ${LLDM_PCH_HEADERS})
  foreach(source ${LLDM_SOURCES})  # reading the 260 MB of it costs 0.8 s, which files without tensors save
    if(source MATCHES "/src/(text|storage|config|distributed|registry|data|tokenizer|track|experiment|stage|render|report|run|plugin|builtin)/")
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endif()

file(GLOB LLDM_CLI_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.cpp)
if(LLDM_CLI_SOURCES)
  add_executable(lldm_cli ${LLDM_CLI_SOURCES})
  set_target_properties(lldm_cli PROPERTIES OUTPUT_NAME lldm)
  target_include_directories(lldm_cli PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_definitions(lldm_cli PRIVATE LLDM_VERSION="${PROJECT_VERSION}")
  target_link_libraries(lldm_cli PRIVATE lldm lldm_flags Boost::program_options nlohmann_json::nlohmann_json)
endif()

# The transformer's CPU kernels: unrolled vectors passed between always-inlined functions, under LibTorch's own
# OpenMP runtime (at::parallel_for is a template: our copies of it need the pragma).
file(GLOB LLDM_KERNEL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/model/kernels/*.cpp)
# The optimizers' kernels round every operation by itself: the same bits on every processor.
file(GLOB LLDM_UPDATE_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/train/kernels/*.cpp)
set_source_files_properties(${LLDM_UPDATE_SOURCES} PROPERTIES SKIP_PRECOMPILE_HEADERS ON
  COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-ffp-contract=off;-Wno-psabi")
set_source_files_properties(${LLDM_KERNEL_SOURCES} PROPERTIES COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-Wno-psabi")
set(LLDM_PARALLEL_SOURCES ${PROJECT_SOURCE_DIR}/src/model/block_parts_cpu.cpp
  ${PROJECT_SOURCE_DIR}/src/model/head.cpp ${PROJECT_SOURCE_DIR}/src/model/held_signals.cpp
  ${PROJECT_SOURCE_DIR}/src/model/thin_products.cpp
  ${PROJECT_SOURCE_DIR}/src/model/wide_products.cpp
  ${PROJECT_SOURCE_DIR}/src/sampler/candidate_evaluation.cpp
  ${PROJECT_SOURCE_DIR}/src/train/slices.cpp)
set_source_files_properties(${LLDM_PARALLEL_SOURCES} PROPERTIES COMPILE_OPTIONS "-fopenmp")
# Other flags than those of the precompiled headers: they cannot use them.
set_source_files_properties(${LLDM_KERNEL_SOURCES} ${LLDM_PARALLEL_SOURCES}
  PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
target_link_libraries(lldm PRIVATE lldm::gomp)

# Gloo is inside libtorch_cpu.so, whose wheel has LibTorch's header over it and none of its own.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/distributed/gloo.cpp PROPERTIES
  COMPILE_DEFINITIONS USE_C10D_GLOO INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/src/distributed/declarations)
