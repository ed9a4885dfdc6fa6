// ONNX Runtime from its start to its first answer: bench_peers_onnxruntime_once LIBRARY ONNX [SIDE]
// The picture is grey, [1, 3, SIDE, SIDE]. For cold_start.cc.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "onnxruntime.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s LIBONNXRUNTIME.SO MODEL.onnx [SIDE]\n", argv[0]);
    return 2;
  }
  try {
    const int64_t side = argc > 3 ? std::atoi(argv[3]) : 224;
    std::vector<float> picture(static_cast<size_t>(3 * side * side), 0.5f);
    linnet::peers::OrtSession session(argv[1], argv[2], /*threads=*/1);
    session.SetInput(0, picture.data(), {1, 3, side, side});
    session.Run();
    std::printf("%g\n", session.Output()[0]);
    std::fflush(stdout);  // the answer before the session is torn down
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
