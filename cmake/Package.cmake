# SPDX-License-Identifier: MIT
# The build tree as a package: -Dlldm_DIR=<checkout>/build.
include(CMakePackageConfigHelpers)
configure_file(${PROJECT_SOURCE_DIR}/cmake/lldmConfig.cmake.in ${PROJECT_BINARY_DIR}/lldmConfig.cmake @ONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lldmConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY ExactVersion)
