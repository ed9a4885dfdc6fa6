# linnet_folder(<name> [PUBLIC ...] [PRIVATE ...]): the static library linnet_<name> of src/<name>.
# Every .cc of the folder belongs to it, so that adding an op or an architecture touches one file. It may link only
# folders that stand before it.
function(linnet_folder name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  if(NOT sources)
    return()
  endif()
  foreach(library ${ARG_PUBLIC} ${ARG_PRIVATE})
    if(library MATCHES "^linnet_" AND NOT TARGET ${library})
      message(FATAL_ERROR "src/${name} links ${library}, which does not stand before it (CONTRIBUTING.md, the law of layers)")
    endif()
  endforeach()
  add_library(linnet_${name} STATIC ${sources})
  target_link_libraries(linnet_${name} PUBLIC linnet_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# linnet_test(<folder> [libraries ...]): the test program of tests/<folder>, one CTest test a case.
# Tests whose name contains 'Slow' carry the label 'long', or LINNET_SLOW_LABEL where that is set; the
# others 'fast'. What is remembered of a machine goes into the build, not to the user's.
function(linnet_test folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${folder}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${folder}_test ${sources})
  target_link_libraries(${folder}_test PRIVATE ${ARGN} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${folder}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${folder}_test PRIVATE LINNET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set(environment ENVIRONMENT XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/cache)
  gtest_discover_tests(${folder}_test TEST_FILTER "-*Slow*" DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS fast ${environment})
  set(slow long)
  if(LINNET_SLOW_LABEL)
    set(slow ${LINNET_SLOW_LABEL})
  endif()
  gtest_discover_tests(${folder}_test TEST_FILTER "*Slow*" DISCOVERY_TIMEOUT 60
                       TEST_LIST ${folder}_slow PROPERTIES LABELS ${slow} ${environment})
endfunction()

# linnet_register_families(<folder>): writes <folder>/families.inc, a line for each file of the folder that defines
# LINNET_FAMILY(<its own name>), so that a new family is one new file. Configures again where one of them changes.
function(linnet_register_families name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
  set(lines "")
  foreach(source ${sources})
    get_filename_component(family ${source} NAME_WE)
    file(STRINGS ${source} definition REGEX "^LINNET_FAMILY\\(")
    if(definition MATCHES "^LINNET_FAMILY\\(${family}\\)")
      string(APPEND lines "FAMILY(${family})\n")
    elseif(definition)
      message(FATAL_ERROR "${source} has ${definition}; expected LINNET_FAMILY(${family}), the file's own name")
    endif()
  endforeach()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)
  file(CONFIGURE OUTPUT ${generated}/${name}/families.inc CONTENT "${lines}")
  target_include_directories(linnet_${name} PRIVATE ${generated})
endfunction()
