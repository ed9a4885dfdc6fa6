# liblinnet_runtime.so: opens a model file and runs it, and can do nothing else (include/linnet/runtime.h).
#
# Its sources are those of the folders, compiled once more: with LINNET_RUNTIME, which makes training a
# constant false (ops/op_def.h); each function in a section of its own, so that what nobody calls is
# not linked; and, but for the kernels, for size.
#
# On x86 the least instruction set is AVX2 (Intel 2013, AMD 2015), and each one below would be a third more
# code for all. On an older processor linnet_net_open fails and says so.
include(CheckLinkerFlag)
include(CheckIPOSupported)
check_ipo_supported(RESULT LINNET_RUNTIME_IPO LANGUAGES CXX)

set(LINNET_RUNTIME_LEAST AVX2 CACHE STRING
  "Of the x86 runtime: AVX2, or empty for whatever the compiler's flags allow, SSE2 by default")
set(LINNET_RUNTIME_FOLDERS base graph ops rewrite infer)
set(LINNET_RUNTIME_ELSEWHERE data/pipeline.cc io/model_check.cc io/model_file.cc io/open_model.cc)
set(LINNET_RUNTIME_WITHOUT
  base/progress.cc base/text_table.cc infer/latency.cc infer/tune.cc
  kernels/loss.cc kernels/machine_store.cc kernels/optimizer.cc)

# Kernels that AVX-512 needs only where it has no dot products of bytes or of bfloat16 (Intel 2017 to 2019).
# Where the least instruction set is AVX2, the runtime takes its kernels there.
set(LINNET_RUNTIME_OLD_AVX3 kernels/bf16_kernels.cc kernels/int8_kernels.cc)
set(linnet_runtime_disabled "HWY_SSSE3|HWY_SSE4")
set(linnet_runtime_disabled_old ${linnet_runtime_disabled})
if(LINNET_RUNTIME_LEAST STREQUAL "AVX2" AND NOT LINNET_ONE_TARGET)
  string(APPEND linnet_runtime_disabled_old "|HWY_AVX3")
endif()

function(linnet_runtime_objects name disabled)
  add_library(${name} OBJECT ${ARGN})
  target_compile_definitions(${name} PRIVATE LINNET_RUNTIME=1)
  # Operations have samples for the tests, which nobody calls here.
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections -Wno-unused-function)
  target_link_libraries(${name} PRIVATE linnet_base hwy::hwy)
  target_include_directories(${name} PRIVATE ${LINNET_GENERATED})
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_definitions(${name} PRIVATE "HWY_DISABLED_TARGETS=(${disabled})")
    if(LINNET_RUNTIME_LEAST AND NOT LINNET_ONE_TARGET)
      target_compile_definitions(${name} PRIVATE HWY_BASELINE_TARGETS=HWY_${LINNET_RUNTIME_LEAST})
    endif()
  endif()
endfunction()

set(linnet_runtime_sources ${LINNET_RUNTIME_ELSEWHERE})
foreach(folder ${LINNET_RUNTIME_FOLDERS} runtime)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${folder}/*.cc)
  list(APPEND linnet_runtime_sources ${files})
endforeach()
file(GLOB linnet_runtime_kernels CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} kernels/*.cc)
list(REMOVE_ITEM linnet_runtime_sources ${LINNET_RUNTIME_WITHOUT})
list(REMOVE_ITEM linnet_runtime_kernels ${LINNET_RUNTIME_WITHOUT} ${LINNET_RUNTIME_OLD_AVX3})

# Files of kernels without vectors in them: as the rest. Not those that lay out rows for each product, nor those of
# bytes, which for size took a twentieth longer (bench_runtime, MobileNet V3 Small).
foreach(file ${linnet_runtime_kernels})
  file(STRINGS ${file} vectors REGEX "foreach_target.h" LIMIT_COUNT 1)
  if(NOT vectors AND NOT file MATCHES "_amx|conv_indirect|int8_")
    list(REMOVE_ITEM linnet_runtime_kernels ${file})
    list(APPEND linnet_runtime_sources ${file})
  endif()
endforeach()

# Files of nothing but loops: tables to unwind them by would never be used.
set(linnet_runtime_loops ${linnet_runtime_kernels})
list(FILTER linnet_runtime_loops INCLUDE REGEX "(_kernels|_dot|_amx)\\.cc$")
list(REMOVE_ITEM linnet_runtime_kernels ${linnet_runtime_loops})

linnet_runtime_objects(linnet_runtime_kernels ${linnet_runtime_disabled} ${linnet_runtime_kernels})
linnet_runtime_objects(linnet_runtime_loops ${linnet_runtime_disabled} ${linnet_runtime_loops})
linnet_runtime_objects(linnet_runtime_old_avx3 ${linnet_runtime_disabled_old} ${LINNET_RUNTIME_OLD_AVX3})
foreach(loops linnet_runtime_loops linnet_runtime_old_avx3)
  target_compile_options(${loops} PRIVATE -fno-exceptions -fno-unwind-tables -fno-asynchronous-unwind-tables)
endforeach()
linnet_runtime_objects(linnet_runtime_rest ${linnet_runtime_disabled} ${linnet_runtime_sources})
add_dependencies(linnet_runtime_rest linnet_packing_version)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(linnet_runtime_rest PRIVATE -Os)
  # What -O3 unrolls, peels and copies besides are loops that are not written out by hand: those that are
  # not hot. They would be a sixth of the kernels.
  foreach(kernels linnet_runtime_kernels linnet_runtime_loops linnet_runtime_old_avx3)
    target_compile_options(${kernels} PRIVATE -O2)
  endforeach()
endif()

add_library(linnet_runtime SHARED
  $<TARGET_OBJECTS:linnet_runtime_kernels> $<TARGET_OBJECTS:linnet_runtime_loops>
  $<TARGET_OBJECTS:linnet_runtime_old_avx3>
  $<TARGET_OBJECTS:linnet_runtime_rest>)
target_link_libraries(linnet_runtime PRIVATE hwy::hwy Threads::Threads)
target_link_options(linnet_runtime PRIVATE
  -Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,--no-undefined -Wl,--as-needed)
if(LINNET_RUNTIME_IPO AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT LINNET_SANITIZE)
  set_target_properties(linnet_runtime_rest linnet_runtime PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
endif()
# Functions that come out alike are kept once: tiles of a kind that differ in types only, closures.
check_linker_flag(CXX "-fuse-ld=gold" LINNET_HAS_GOLD)
if(LINNET_SANITIZE)
  target_link_options(linnet_runtime PRIVATE -fsanitize=${LINNET_SANITIZE})
elseif(LINNET_HAS_GOLD)
  target_link_options(linnet_runtime PRIVATE -fuse-ld=gold -Wl,--icf=all)
endif()
target_include_directories(linnet_runtime INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(linnet_runtime PROPERTIES
  EXPORT_NAME runtime VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
