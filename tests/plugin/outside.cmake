# SPDX-License-Identifier: MIT
file(REMOVE_RECURSE ${WORK})
file(COPY ${TEMPLATE}/ DESTINATION ${WORK}/mine)
foreach(command
    "${CMAKE_COMMAND};-S;${WORK}/mine;-B;${WORK}/mine/build;-G;${GENERATOR};-DCMAKE_CXX_COMPILER=${COMPILER};-Dlldm_DIR=${PACKAGE}"
    "${CMAKE_COMMAND};--build;${WORK}/mine/build")
  execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result)
    message(FATAL_ERROR "failed: ${command}\n${output}")
  endif()
endforeach()
if(NOT EXISTS ${WORK}/mine/build/libtemplate_objective.so)
  message(FATAL_ERROR "no libtemplate_objective.so in ${WORK}/mine/build")
endif()
