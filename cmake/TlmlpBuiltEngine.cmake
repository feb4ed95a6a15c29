# The engine's static libraries from TLMLP_ENGINE_BUILD, with what their targets would carry.
function(tlmlp_built name folder)
  set(library ${TLMLP_ENGINE_BUILD}/csrc/${folder}/libtlmlp_${name}.a)
  if(NOT EXISTS ${library})
    message(FATAL_ERROR "tlmlp: TLMLP_ENGINE_BUILD has no ${library}; give the folder of a finished build, or nothing")
  endif()
  add_library(tlmlp_${name} STATIC IMPORTED GLOBAL)
  set_target_properties(tlmlp_${name} PROPERTIES IMPORTED_LOCATION ${library})
  target_link_libraries(tlmlp_${name} INTERFACE ${ARGN})
endfunction()

tlmlp_built(network core tlmlp_math)
target_include_directories(tlmlp_network INTERFACE ${PROJECT_SOURCE_DIR}/csrc/core/src)
tlmlp_built(core core tlmlp_network OpenMP::OpenMP_CXX)
tlmlp_built(structures core tlmlp_core tlmlp_vesin)
tlmlp_built(cuda cuda tlmlp_core)
target_include_directories(tlmlp_cuda INTERFACE ${PROJECT_SOURCE_DIR}/csrc ${PROJECT_SOURCE_DIR}/csrc/core
  ${PROJECT_SOURCE_DIR}/csrc/core/src)
if(EXISTS ${TLMLP_ENGINE_BUILD}/csrc/training/libtlmlp_training.a) # where that build had torch
  tlmlp_built(training training tlmlp_network OpenMP::OpenMP_CXX)
  target_include_directories(tlmlp_training INTERFACE ${PROJECT_SOURCE_DIR}/csrc/training)
endif()
