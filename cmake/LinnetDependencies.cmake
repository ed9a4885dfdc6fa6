# Debian's packages, each behind one target (scripts/install_deps.sh installs them).
find_package(Threads REQUIRED)
find_package(hwy REQUIRED CONFIG)
find_package(fmt REQUIRED)
add_library(linnet_fmt INTERFACE)  # its headers; base/fmt.cc compiles it
target_include_directories(linnet_fmt SYSTEM INTERFACE
  $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(GIF REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)

# ONNX: its own .proto, as classes on the small protobuf runtime.
find_package(Protobuf REQUIRED)
find_path(ONNX_PROTO_DIR onnx.proto PATH_SUFFIXES onnx NO_CMAKE_FIND_ROOT_PATH REQUIRED)
set(LINNET_ONNX_DIR ${PROJECT_BINARY_DIR}/onnx)
file(MAKE_DIRECTORY ${LINNET_ONNX_DIR})
add_custom_command(
  OUTPUT ${LINNET_ONNX_DIR}/onnx.pb.cc ${LINNET_ONNX_DIR}/onnx.pb.h
  COMMAND protobuf::protoc --proto_path=${ONNX_PROTO_DIR} --cpp_out=lite:${LINNET_ONNX_DIR} onnx.proto
  DEPENDS ${ONNX_PROTO_DIR}/onnx.proto)
add_library(linnet_onnx_proto STATIC ${LINNET_ONNX_DIR}/onnx.pb.cc ${LINNET_ONNX_DIR}/onnx.pb.h)
target_include_directories(linnet_onnx_proto SYSTEM PUBLIC ${LINNET_ONNX_DIR})
target_link_libraries(linnet_onnx_proto PUBLIC protobuf::libprotobuf-lite)

if(LINNET_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
