// Little models, and pictures to show them.
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

// Tells red from green, through values that bytes cannot hold: each has a channel of a million that
// nothing reads, and beside it the colours are less than a level. Half of the four layers may stay
// in float32, by which one of the three values is still of bytes.
inline Model ModelThatNeedsFloat() {
  Model model;
  model.graph = GraphFromText(R"(linnet-graph 1
image = input(height=8, width=8)
a = conv2d(image, out_channels=4, bias=true)
a_act = activation(a)
b = conv2d(a_act, out_channels=4, bias=true)
b_act = activation(b)
c = conv2d(b_act, out_channels=4, bias=true)
c_act = activation(c)
pool = global_pool(c_act)
flat = flatten(pool)
fc = dense(flat, out_features=2)
return fc
)");
  model.params = InitParams(model.graph, /*seed=*/7);
  for (auto& [name, param] : model.params) {
    const bool bias = name.ends_with("bias");
    const int64_t inputs = bias ? 1 : param.shape()[param.shape().rank() - 1];
    for (int64_t i = 0; i < param.elements(); ++i) {
      param.data()[i] = !bias && i / inputs == i % inputs && i / inputs < 3 ? 1 : 0;
    }
    if (bias && param.elements() == 4) param.data()[3] = 1e6f;
  }
  model.pipeline.size = {8, 8};
  model.labels = {"red", "green"};
  return model;
}

inline std::string PlainPicture(bool green, int level) {
  std::string file = "P6 8 8 255\n";
  for (int i = 0; i < 64; ++i) {
    for (int channel = 0; channel < 3; ++channel) {
      file += static_cast<char>(channel == (green ? 1 : 0) ? level : 0);
    }
  }
  return file;
}

}  // namespace linnet

#endif  // LINNET_TESTS_API_MODEL_FOR_TEST_H_
