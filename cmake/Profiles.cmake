# SPDX-License-Identifier: MIT
# The device profiles of profiles/*.toml as text inside liblldm.so, and installed beside it.
file(GLOB LLDM_PROFILES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/profiles/*.toml)
set(_lldm_profiles "")
foreach(file ${LLDM_PROFILES})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND _lldm_profiles "Shipped{\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/include/lldm/device_profiles.inc CONTENT "${_lldm_profiles}" @ONLY)
