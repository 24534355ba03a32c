# SPDX-License-Identifier: MIT
execute_process(COMMAND ${NM} -D --defined-only ${FILE} OUTPUT_VARIABLE output RESULT_VARIABLE result)
string(REGEX MATCHALL "[^\n]+" lines "${output}")
set(names "")
foreach(line ${lines})
  string(REGEX REPLACE "^[0-9a-f]+ . " "" name "${line}")
  if(NOT line MATCHES " A ")  # the version of a version script is no symbol of code or data
    list(APPEND names "${name}")
  endif()
endforeach()
if(result OR NOT names STREQUAL "lldm_plugin_query")
  message(FATAL_ERROR "exports of ${FILE}: ${names}\n  wanted: lldm_plugin_query alone")
endif()
