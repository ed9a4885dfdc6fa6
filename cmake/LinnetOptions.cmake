# Compile options of every target, as one interface library.
add_library(linnet_options INTERFACE)
target_compile_options(linnet_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers -Wno-psabi -fno-math-errno)
# GCC 12 takes strings that are joined with + for copies that overlap (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(linnet_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
# No contraction of a*b+c by the compiler: where a fused multiply-add is meant, the code says so, so
# that a scalar loop gives the same bits at every optimisation level.
target_compile_options(linnet_options INTERFACE -ffp-contract=off)
target_include_directories(linnet_options INTERFACE
  ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)

if(LINNET_SANITIZE)
  target_compile_options(linnet_options INTERFACE
    -fsanitize=${LINNET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(linnet_options INTERFACE -fsanitize=${LINNET_SANITIZE})
endif()

# Development builds compile the vector code once, for AVX2 on x86 (Intel Core since 2013, AMD since 2015; the
# preset dev-avx512 has AVX-512), instead of once for each instruction set.
# Highway's AVX2 also asks for AES and PCLMUL, which x86-64-v3 leaves out.
set(LINNET_ONE_TARGET_FLAGS -march=x86-64-v3 -maes -mpclmul CACHE STRING
  "With LINNET_ONE_TARGET on x86: the compiler's flags for the instruction set")
if(LINNET_ONE_TARGET)
  target_compile_definitions(linnet_options INTERFACE HWY_COMPILE_ONLY_STATIC)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(linnet_options INTERFACE ${LINNET_ONE_TARGET_FLAGS})
  endif()
endif()

# The kernels keep their accumulators in arrays, and vectors whose length only the processor knows
# (SVE) cannot be in one. ARM64 runs NEON.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  target_compile_definitions(linnet_options INTERFACE
    "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
endif()
