# cmake -DSOURCE_DIR=... -DOUTPUT=... -P packing_version.cmake: a number for the code that packs weights, so that
# a file of packed weights is never read by other code than wrote it (infer/packed_file.h).
file(GLOB files LIST_DIRECTORIES false
  ${SOURCE_DIR}/base/*.h ${SOURCE_DIR}/kernels/* ${SOURCE_DIR}/ops/* ${SOURCE_DIR}/rewrite/* ${SOURCE_DIR}/infer/compile.cc)
list(SORT files)
set(all "")
foreach(file ${files})
  file(SHA256 ${file} hash)
  string(APPEND all ${hash})
endforeach()
string(SHA256 all "${all}")
string(SUBSTRING ${all} 0 16 all)
file(WRITE ${OUTPUT} "// Made by cmake/packing_version.cmake.\ninline constexpr const char* kPackingVersion = \"${all}\";\n")
