# `cmake --install`: the engine for C++ and C, found by find_package(tlmlp). The Python wheel has no part of this.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tlmlp)
foreach(name math network core structures)
  set_target_properties(tlmlp_${name} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(TARGETS tlmlp_math tlmlp_network tlmlp_core tlmlp_structures EXPORT tlmlp-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT tlmlp-targets NAMESPACE tlmlp:: DESTINATION ${package} COMPONENT development)
install(DIRECTORY csrc/core/include/tlmlp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

# tlmlp_structures needs the neighbour lists of vesin at run time: its library stands beside.
install(PROGRAMS $<TARGET_PROPERTY:tlmlp_vesin,IMPORTED_LOCATION> DESTINATION ${CMAKE_INSTALL_LIBDIR}
  COMPONENT development)

configure_package_config_file(cmake/tlmlp-config.cmake.in ${PROJECT_BINARY_DIR}/tlmlp-config.cmake
  INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tlmlp-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tlmlp-config.cmake ${PROJECT_BINARY_DIR}/tlmlp-config-version.cmake
  DESTINATION ${package} COMPONENT development)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/tlmlp COMPONENT development)
