// The built-in synthetic data set: ten kinds of shape in random colour, size, rotation, texture,
// background, noise and occlusion. Picture i is a function of (options, i).
//
// Easy to learn, not trivial: colour, place and size tell nothing, the outline tells everything.
#ifndef LINNET_DATA_SHAPES_H_
#define LINNET_DATA_SHAPES_H_

#include <array>
#include <cstdint>
#include <string>

#include "base/progress.h"
#include "data/dataset.h"

namespace linnet {

// In the order of the labels, which is the names' order.
inline constexpr std::array<const char*, 10> kShapeNames = {
    "circle",   "crescent", "cross",  "heart", "hexagon",
    "pentagon", "ring",     "square", "star",  "triangle"};

struct ShapesOptions {
  int count = 4000;
  int size = 48;
  uint64_t seed = 1;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("count", self.count, "pictures in all; eight tenths train, one val, one test");
    v("size", self.size, "side of a picture in pixels");
    v("seed", self.seed, "random seed");
  }
};

struct ShapePicture {
  Image image;
  int label = 0;
  std::array<int, 4>
      box{};  // x0, y0, x1, y1 of the shape before occlusion, in pixels; x1, y1 are outside
};

// Picture 'index' of the set, 0 <= index < count. Label and split are functions of the index.
ShapePicture DrawShape(const ShapesOptions& options, int64_t index);

// The set in memory; pictures are drawn when they are loaded. Error (kUsage) for fewer than 100
// pictures or a size outside 16 to 1024.
Dataset ShapesDataset(const ShapesOptions& options);

// "count=2000,size=32" -> options. Error (kUsage) that begins with 'where'.
ShapesOptions ShapesFromText(std::string_view text, std::string_view where);

// Writes the set as train|val|test/CLASS/000123.png, and boxes.csv (file,label,x0,y0,x1,y1), to the
// folder 'out', or to one archive if 'out' ends with ".tar". Error (kUsage) if 'out' is there
// already and is not an empty folder; Error (kFile) if it cannot be written.
void WriteShapes(const std::string& out, const ShapesOptions& options,
                 const ProgressSink& sink = {});

}  // namespace linnet

#endif  // LINNET_DATA_SHAPES_H_
