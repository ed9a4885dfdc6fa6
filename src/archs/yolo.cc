// YOLOv3: Redmon and Farhadi, "YOLOv3: An Incremental Improvement", 1804.02767, and the authors'
// configuration files, from which the small one comes.
//
// A map is returned for each scale, the coarsest first, with 3 * (5 + classes) channels: for each
// of three anchors x, y, width, height, objectness and the classes, all before their sigmoid or
// exponential.
#include "archs/arch.h"
#include "archs/blocks.h"
#include "archs/darknet.h"

namespace linnet {
namespace {

struct YoloOptions {
  CommonOptions common = {.size = 416, .classes = 80};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    CommonOptions::VisitFields(self.common, v);
  }
};

constexpr int kAnchors = 3;  // of each scale

struct Network {
  YoloOptions options;
  Graph graph;

  Value Conv(Value x, const std::string& name, int channels, int kernel) {
    return DarknetConv(graph, x, name, SquareConv(channels, kernel));
  }

  // A 3x3, and the predictions.
  void Predict(Value x, const std::string& name, int channels) {
    x = Conv(x, name + ".conv", channels, 3);
    const int out = kAnchors * (5 + options.common.classes);
    graph.outputs.push_back(
        graph.Emit(name + ".out", Conv2d{.out_channels = out, .bias = true}, {x}));
  }

  // 'coarse' at twice its size before the channels of 'fine'.
  Value Refine(Value coarse, Value fine, const std::string& name, int channels) {
    coarse = Conv(coarse, name + ".lateral", channels, 1);
    coarse =
        graph.Emit(name + ".upsample", Resize{.mode = ResizeMode::kNearest, .scale = 2}, {coarse});
    return graph.Emit(name + ".concat", Concat{}, {coarse, fine});
  }
};

void CheckSize(const char* name, int size) {
  if (size % 32 != 0) {
    Fail(ErrorKind::kUsage, "architecture {}: size={}: expected a multiple of 32", name, size);
  }
}

Graph BuildV3(const YoloOptions& options) {
  CheckSize("yolov3", options.common.size);
  Network net{options, {}};
  const std::array<Value, 3> body = Darknet53Body(net.graph, EmitInput(net.graph, options.common));
  Value x = body[2];
  for (int scale = 0; scale < 3; ++scale) {
    const int channels = 512 >> scale;
    const std::string head = fmt::format("head.{}", scale);
    if (scale > 0) x = net.Refine(x, body[2 - scale], head, channels);
    for (int i = 1; i <= 5; ++i) {
      const bool pointwise = i % 2 == 1;
      x = net.Conv(x, fmt::format("{}.conv{}", head, i), pointwise ? channels : 2 * channels,
                   pointwise ? 1 : 3);
    }
    net.Predict(x, head, 2 * channels);
  }
  return net.graph;
}

Graph BuildV3Tiny(const YoloOptions& options) {
  CheckSize("yolov3_tiny", options.common.size);
  Network net{options, {}};
  Value x = EmitInput(net.graph, options.common), fine = -1;
  for (int i = 0; i < 7; ++i) {
    x = net.Conv(x, fmt::format("conv{}", i), 16 << i, 3);
    if (i == 4) fine = x;
    if (i == 6) break;
    // The last pooling keeps the size: darknet's border is on the right and at the bottom.
    Pool pool;
    if (i == 5) pool = {.stride = {1, 1}, .padding = {false, 0, 0, 1, 1}};
    x = net.graph.Emit(fmt::format("pool{}", i), pool, {x});
  }
  x = net.Conv(x, "conv7", 256, 1);
  net.Predict(x, "head.0", 512);
  net.Predict(net.Refine(x, fine, "head.1", 128), "head.1", 256);
  return net.graph;
}

}  // namespace

LINNET_FAMILY(yolo) {
  const std::string paper = "1804.02767";
  return {
      MakeArch<YoloOptions>(
          {.name = "yolov3",
           .title = "one-stage detector on three scales of Darknet-53",
           .paper = paper,
           .variants = {{"size=320", 61949149, 19486412800, 0, 0, "COCO AP 28.2, AP50 51.5"},
                        {"size=416", 61949149, 32932037632, 0, 0, "COCO AP 31.0, AP50 55.3"},
                        {"size=608", 61949149, 70345950208, 0, 0, "COCO AP 33.0, AP50 57.9"}}},
          BuildV3),
      MakeArch<YoloOptions>(
          {.name = "yolov3_tiny",
           .title = "YOLOv3 on two scales of a small network",
           .paper = "the authors' configuration yolov3-tiny.cfg",
           .variants = {{"size=416", 8852366, 2782480896, 0, 0, "COCO AP50 33.1"}}},
          BuildV3Tiny),
  };
}

}  // namespace linnet
