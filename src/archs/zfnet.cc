// ZFNet: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 1311.2901,
// fig. 3: AlexNet on one GPU with smaller, denser first layers, as deconvolution showed that
// AlexNet's miss the middle frequencies. The paper's contrast normalisation is written as AlexNet's
// response normalisation, as every later implementation that keeps one has it.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct ZfNetOptions {
  int hidden = 4096;
  float dropout = 0.5f;
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("hidden", self.hidden, "units of each of the two hidden fully connected layers");
    v("dropout", self.dropout, "dropout of the fully connected layers");
    v("small_input", self.small_input,
      "first two layers with stride 1, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Fig. 3. Pooling is 3x3 with stride 2; its maps of 55 and 13 need the padding.
enum class After { kNothing, kPoolAndNorm, kPool };
struct Layer {
  int maps, kernel, stride, padding;
  After after;
};
const Layer kLayers[] = {
    {96, 7, 2, 1, After::kPoolAndNorm}, {256, 5, 2, 0, After::kPoolAndNorm},
    {384, 3, 1, 1, After::kNothing},    {384, 3, 1, 1, After::kNothing},
    {256, 3, 1, 1, After::kPool},
};

Value EmitLayer(Graph& graph, Value x, const std::string& n, const Layer& layer, int stride) {
  x = graph.Emit("conv" + n,
                 Conv2d{.out_channels = layer.maps,
                        .kernel = {layer.kernel, layer.kernel},
                        .stride = {stride, stride},
                        .padding = Padding::All(layer.padding),
                        .bias = true},
                 {x});
  x = graph.Emit("relu" + n, Act{}, {x});
  if (layer.after == After::kNothing) return x;
  const int padding = layer.after == After::kPoolAndNorm ? 1 : 0;
  x = graph.Emit("pool" + n,
                 Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(padding)}, {x});
  return layer.after == After::kPool ? x : graph.Emit("norm" + n, Lrn{}, {x});
}

Graph Build(const ZfNetOptions& options) {
  ExpectOption("zfnet", "size", options.common.size, options.small_input ? 21 : 53, 4096);
  ExpectOption("zfnet", "hidden", options.hidden, 1, 65536);
  ExpectOption("zfnet", "dropout", options.dropout, 0, 0.99);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  for (int i = 1; i <= 5; ++i) {
    const Layer& layer = kLayers[i - 1];
    x = EmitLayer(graph, x, std::to_string(i), layer, options.small_input ? 1 : layer.stride);
  }
  graph.outputs = {
      FullyConnectedHead(graph, x, {options.hidden, options.dropout}, options.common.classes)};
  return graph;
}

}  // namespace

LINNET_FAMILY(zfnet) {
  return {MakeArch<ZfNetOptions>(
      {.name = "zfnet",
       .title = "AlexNet with smaller, denser first layers",
       .paper = "1311.2901",
       .variants = {{"", 62357608, 1168032896, 61.6, 83.5, "1311.2901 table 2, 1 convnet (a)"}}},
      Build)};
}

}  // namespace linnet
