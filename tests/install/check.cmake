# cmake -DBUILD=... -DMODEL=... -DVERSION=... -P check.cmake: install a finished build, use it from outside, run the two programs.
function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE said ERROR_VARIABLE complained RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN} ended with ${status}: ${said}${complained}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

set(place ${BUILD}/install-check)
file(REMOVE_RECURSE ${place})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${place}/first --component development)
file(RENAME ${place}/first ${place}/moved) # nothing may depend on where it was installed
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${place}/build -DCMAKE_PREFIX_PATH=${place}/moved
  -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${place}/build)
run(${place}/build/core)
if(NOT said MATCHES "^${VERSION}: cannot read")
  message(FATAL_ERROR "expected version ${VERSION} and a refusal, got ${said}")
endif()
run(${place}/build/engine ${MODEL})
if(NOT said MATCHES "energy +-43\\.[0-9]+ eV")
  message(FATAL_ERROR "expected an energy of -43 eV, got ${said}")
endif()
