// A tiny model with fresh weights, and pictures to show it.
#ifndef LINNET_TESTS_API_MODEL_FOR_TEST_H_
#define LINNET_TESTS_API_MODEL_FOR_TEST_H_

#include <string>

#include "archs/arch.h"
#include "base/file.h"
#include "io/model_file.h"

namespace linnet {

inline Model ModelForTest() {
  Model model;
  model.graph = BuildArch("mobilenet_v1:width=0.25,size=32,classes=3,small_input=true");
  model.params = InitParams(model.graph, /*seed=*/7);
  model.pipeline.size = {32, 32};
  model.labels = {"cat", "dog", "owl"};
  return model;
}

// Binary PPM: 8-bit RGB. 'seed' varies the pattern.
inline std::string PictureForTest(int width, int height, int seed = 0) {
  std::string file = "P6 " + std::to_string(width) + " " + std::to_string(height) + " 255\n";
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      file += static_cast<char>(7 * x + seed);
      file += static_cast<char>(5 * y + 3 * seed);
      file += static_cast<char>(x * y);
    }
  }
  return file;
}

}  // namespace linnet

#endif  // LINNET_TESTS_API_MODEL_FOR_TEST_H_
