# SPDX-License-Identifier: MIT
# liblldm.so: everything but the command line and CUDA. Folder = role; every .cpp of src/<role>/ belongs.
file(GLOB_RECURSE LLDM_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp)
list(FILTER LLDM_SOURCES EXCLUDE REGEX "/src/(cli|cuda)/")
add_library(lldm SHARED ${LLDM_SOURCES})
target_include_directories(lldm PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(lldm
  PUBLIC lldm::torch_cpu Boost::headers
  PRIVATE lldm_flags tomlplusplus::tomlplusplus nlohmann_json::nlohmann_json Eigen3::Eigen
          PkgConfig::PCRE2 PkgConfig::UTF8PROC Threads::Threads ${CMAKE_DL_LIBS})

file(GLOB LLDM_CLI_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.cpp)
if(LLDM_CLI_SOURCES)
  add_executable(lldm_cli ${LLDM_CLI_SOURCES})
  set_target_properties(lldm_cli PROPERTIES OUTPUT_NAME lldm)
  target_include_directories(lldm_cli PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(lldm_cli PRIVATE lldm lldm_flags Boost::program_options nlohmann_json::nlohmann_json)
endif()

# The transformer's CPU kernels: unrolled vectors passed between always-inlined functions, under LibTorch's own
# OpenMP runtime (at::parallel_for is a template: our copies of it need the pragma).
file(GLOB LLDM_KERNEL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/model/kernels/*.cpp)
set_source_files_properties(${LLDM_KERNEL_SOURCES} PROPERTIES COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-Wno-psabi")
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/model/block_cpu.cpp PROPERTIES COMPILE_OPTIONS "-fopenmp")
target_link_libraries(lldm PRIVATE lldm::gomp)
