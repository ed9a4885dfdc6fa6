# Install: the program, liblinnet.so, include/linnet, and what find_package(linnet) and pkg-config read.
# The library shows only what its headers declare, so neither file names a dependency.
include(CMakePackageConfigHelpers)

install(TARGETS linnet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS linnet_shared EXPORT linnetTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/linnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# linnet::linnet, without a file of our own: the exported targets are the whole configuration.
set(linnet_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/linnet)
install(EXPORT linnetTargets NAMESPACE linnet:: FILE linnetConfig.cmake
        DESTINATION ${linnet_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake DESTINATION ${linnet_cmake_dir})

# From the folder of linnet.pc up to the prefix, so that an installed tree can be moved.
string(REGEX REPLACE "[^/]+" ".." linnet_pc_up ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_file(${PROJECT_SOURCE_DIR}/cmake/linnet.pc.in ${PROJECT_BINARY_DIR}/linnet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/linnet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
