# The Python interpreter that the build serves, and the compiled parts that depend on what it has installed.

find_package(Python COMPONENTS Interpreter Development.Module REQUIRED)

# tlmlp_python(OUT CODE): standard output of `python -c CODE` in OUT, or an error that shows the code.
function(tlmlp_python out code)
  execute_process(COMMAND ${Python_EXECUTABLE} -c "${code}"
    OUTPUT_VARIABLE text ERROR_VARIABLE message RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${Python_EXECUTABLE} -c '${code}' failed: ${message}")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# tlmlp_option(NAME MODULE TEXT): a cache variable ON, OFF or AUTO (default); AUTO follows whether MODULE is installed.
function(tlmlp_option name module text)
  set(${name} AUTO CACHE STRING "${text}: ON, OFF or AUTO (built if the Python package ${module} is installed)")
  set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
  if(${${name}} STREQUAL "AUTO")
    tlmlp_python(found "import importlib.util as u; print('ON' if u.find_spec('${module}') else 'OFF')")
    if(NOT found)
      message(STATUS "tlmlp: no ${text}, since ${Python_EXECUTABLE} has no package '${module}'")
    endif()
    set(${name} ${found} PARENT_SCOPE)
  endif()
endfunction()
