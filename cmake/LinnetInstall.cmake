# Install: the program, liblinnet.so, liblinnet_runtime.so, include/linnet, and what find_package(linnet)
# (linnet::linnet, linnet::runtime) and pkg-config (linnet, linnet-runtime) read. A library shows only what its headers declare, so these files name no dependency.
include(CMakePackageConfigHelpers)

# Everything that `cmake --install` copies, without tests and benchmarks.
add_custom_target(installed DEPENDS linnet linnet_shared linnet_runtime)

install(TARGETS linnet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS linnet_shared linnet_runtime EXPORT linnetTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/linnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Without a file of our own: the exported targets are the whole configuration.
set(linnet_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/linnet)
install(EXPORT linnetTargets NAMESPACE linnet:: FILE linnetConfig.cmake
        DESTINATION ${linnet_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake DESTINATION ${linnet_cmake_dir})

# From the folder of linnet.pc up to the prefix, so that an installed tree can be moved; folders that were given
# whole stay as they are.
string(REGEX REPLACE "[^/]+" ".." linnet_pc_up ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(linnet_pc_prefix "\${pcfiledir}/${linnet_pc_up}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(linnet_pc_prefix ${CMAKE_INSTALL_PREFIX})
endif()
foreach(dir LIBDIR INCLUDEDIR)
  set(linnet_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(linnet_pc_${dir} ${CMAKE_INSTALL_${dir}})
  endif()
endforeach()
foreach(linnet_pc_name linnet linnet-runtime)
  string(REPLACE - _ linnet_pc_library ${linnet_pc_name})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/linnet.pc.in ${PROJECT_BINARY_DIR}/${linnet_pc_name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${linnet_pc_name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
