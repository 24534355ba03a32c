# SPDX-License-Identifier: MIT
# find_package(lldm): from the build tree (-Dlldm_DIR=<checkout>/build) and from an installed prefix.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(_lldm_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/lldm")

set(LLDM_PACKAGE_PATHS "set(_lldm_cmake \"${PROJECT_SOURCE_DIR}/cmake\")
set(_lldm_library \"${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/liblldm.so\")
set(_lldm_include \"${PROJECT_SOURCE_DIR}/include\" \"${PROJECT_BINARY_DIR}/include\")")
configure_file(${PROJECT_SOURCE_DIR}/cmake/lldmConfig.cmake.in ${PROJECT_BINARY_DIR}/lldmConfig.cmake @ONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lldmConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY ExactVersion)

set(LLDM_PACKAGE_PATHS "set(_lldm_cmake \"\${CMAKE_CURRENT_LIST_DIR}\")
get_filename_component(_lldm_library \"\${CMAKE_CURRENT_LIST_DIR}/../../liblldm.so\" ABSOLUTE)
get_filename_component(_lldm_include \"\${CMAKE_CURRENT_LIST_DIR}/../../../${CMAKE_INSTALL_INCLUDEDIR}\" ABSOLUTE)")
if(CMAKE_INSTALL_LIBDIR MATCHES "/")  # lib/x86_64-linux-gnu has one folder more
  string(REPLACE "../../../" "../../../../" LLDM_PACKAGE_PATHS "${LLDM_PACKAGE_PATHS}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/lldmConfig.cmake.in ${PROJECT_BINARY_DIR}/install/lldmConfig.cmake @ONLY)

foreach(target lldm lldm_cli lldm_cuda)  # the last two where they are built
  if(TARGET ${target})
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}"
      INSTALL_RPATH_USE_LINK_PATH ON)  # LibTorch stays where it is
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ ${PROJECT_BINARY_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/profiles/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lldm/profiles FILES_MATCHING PATTERN "*.toml")
install(FILES ${PROJECT_BINARY_DIR}/install/lldmConfig.cmake ${PROJECT_BINARY_DIR}/lldmConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/LibTorch.cmake ${PROJECT_SOURCE_DIR}/cmake/LldmPlugin.cmake DESTINATION ${_lldm_package_folder})
