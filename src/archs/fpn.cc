// Feature pyramid: Lin et al., "Feature Pyramid Networks for Object Detection", 1612.03144, on any
// architecture of the registry. Names as torchvision's BackboneWithFPN.
#include <algorithm>
#include <cmath>

#include "archs/arch.h"
#include "archs/blocks.h"
#include "ops/network.h"

namespace linnet {
namespace {

struct FpnOptions {
  std::string backbone = "resnet50";
  int width = 256;
  bool p6 = false;
  bool frozen_bn = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("backbone", self.backbone, "architecture below it: name+option=value+option=value");
    v("width", self.width, "channels of every level");
    v("p6", self.p6, "one more level: every second pixel of the last");
    v("frozen_bn", self.frozen_bn, "the backbone's batch norms are not trained");
    CommonOptions::VisitFields(self.common, v);
  }
};

constexpr int kStrides[] = {4, 8, 16, 32};  // sec. 3: of C2 to C5

ArchSpec BackboneSpec(const FpnOptions& options, int classes) {
  std::string text = options.backbone;
  std::replace(text.begin(), text.end(), '+', ',');
  if (const size_t comma = text.find(','); comma != std::string::npos) text[comma] = ':';
  ArchSpec spec = ParseArchSpec(text);
  SetOption(spec, "size", std::to_string(options.common.size));
  SetOption(spec, "channels", std::to_string(options.common.channels));
  SetOption(spec, "classes", std::to_string(classes));
  return spec;
}

// An architecture with its shapes, and which of its nodes can make features: those that results
// need, before the classifier, which begins where a shape depends on the number of classes.
struct Backbone {
  Graph graph;
  std::vector<Shape> shapes;
  std::vector<bool> features;

  explicit Backbone(const FpnOptions& options) {
    const int classes = options.common.classes;
    graph = BuildArch(BackboneSpec(options, classes));
    ExpectOneResult(options);
    shapes = InferShapes(graph);
    features = NeededByResults(graph);
    const auto other = InferShapes(BuildArch(BackboneSpec(options, classes > 1 ? classes - 1 : 2)));
    size_t i = 0;
    while (i < shapes.size() && (!features[i] || shapes[i] == other[i])) ++i;
    std::fill(features.begin() + static_cast<std::ptrdiff_t>(i), features.end(), false);
  }

  void ExpectOneResult(const FpnOptions& options) const {
    const auto results = std::count_if(graph.outputs.begin(), graph.outputs.end(),
                                       [](const Output& o) { return o.auxiliary == 0; });
    if (results == 1) return;
    Fail(ErrorKind::kUsage,
         "architecture fpn: backbone={} has {} results: expected a classifier, which has one",
         options.backbone, results);
  }
};

// By node: whether all that follows goes through it, that is, no edge jumps over it.
std::vector<bool> Gates(const Graph& graph) {
  const std::vector<bool> needed = NeededByResults(graph);
  std::vector<size_t> last_use(graph.nodes.size(), 0);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!needed[i]) continue;
    for (const Value input : graph.nodes[i].inputs) last_use[input] = i;
  }
  std::vector<bool> gates(graph.nodes.size());
  size_t furthest = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    gates[i] = needed[i] && furthest <= i;
    furthest = std::max(furthest, last_use[i]);
  }
  return gates;
}

// The last map of a stride that all that follows goes through: what a stage hands on, not a map
// within a branch. (Of a MobileNet V2 it is the expansion in the block that halves the map, as in
// SSDLite: 1801.04381, sec. 6.2.) NASNet's cells look two cells back, past any such map; there it
// is the last join of branches. -1: there is none.
Value LastMap(const Backbone& backbone, const std::vector<bool>& gates, int size, int stride) {
  Value gate = -1, join = -1;
  for (size_t i = 0; i < gates.size(); ++i) {
    const Shape& shape = backbone.shapes[i];
    if (!backbone.features[i] || shape.rank() != 4 || shape.h() < 2) continue;
    const double ratio = static_cast<double>(size) / static_cast<double>(shape.h());
    if (1 << std::lround(std::log2(ratio)) != stride) continue;
    const Op& op = backbone.graph.nodes[i].op;
    if (gates[i]) gate = static_cast<Value>(i);
    if (std::holds_alternative<Add>(op) || std::holds_alternative<Concat>(op)) {
      join = static_cast<Value>(i);
    }
  }
  return gate >= 0 ? gate : join;
}

// C2 to C5, or those there are.
std::vector<Value> Maps(const Backbone& backbone, const FpnOptions& options) {
  const std::vector<bool> gates = Gates(backbone.graph);
  std::vector<Value> maps;
  for (const int stride : kStrides) {
    const Value map = LastMap(backbone, gates, options.common.size, stride);
    if (map >= 0) maps.push_back(map);
  }
  if (maps.size() < 2) {
    Fail(ErrorKind::kUsage,
         "architecture fpn: {} has {} maps of the strides 4, 8, 16, 32 at size {}: expected two or "
         "more; use a deeper backbone or larger pictures",
         options.backbone, maps.size(), options.common.size);
  }
  return maps;
}

// Emits what 'maps' need, as body.<name>, and returns them in 'graph'.
std::vector<Value> EmitBody(Graph& graph, Graph body, const std::vector<Value>& maps) {
  body.outputs.assign(maps.begin(), maps.end());
  const std::vector<bool> needed = NeededByResults(body);
  std::vector<Value> place(body.nodes.size(), -1);
  for (size_t i = 0; i < body.nodes.size(); ++i) {
    if (!needed[i]) continue;
    Node& node = body.nodes[i];
    for (Value& input : node.inputs) input = place[input];
    const bool input = std::holds_alternative<Input>(node.op);
    place[i] = graph.Emit(input ? node.name : "body." + node.name, node.op, node.inputs);
  }
  std::vector<Value> placed;
  for (const Value map : maps) placed.push_back(place[map]);
  return placed;
}

void FreezeBatchNorm(Graph& graph) {
  for (Node& node : graph.nodes) {
    if (BatchNorm* bn = std::get_if<BatchNorm>(&node.op)) bn->frozen = true;
  }
}

// Figure 3, from the top down.
Graph Build(const FpnOptions& options) {
  ExpectOption("fpn", "width", options.width, 1, 4096);
  Backbone backbone(options);
  const std::vector<Value> cut = Maps(backbone, options);
  if (options.frozen_bn) FreezeBatchNorm(backbone.graph);
  Graph graph;
  const std::vector<Value> maps = EmitBody(graph, std::move(backbone.graph), cut);
  const Conv2d lateral{.out_channels = options.width, .bias = true};
  Conv2d smooth = SquareConv(options.width, 3);
  smooth.bias = true;
  Value merged = -1;
  for (size_t i = maps.size(); i-- > 0;) {
    const Value inner = graph.Emit(fmt::format("fpn.inner_blocks.{}.0", i), lateral, {maps[i]});
    if (merged >= 0) {
      const Value up = graph.Emit(fmt::format("fpn.upsample.{}", i), Resize{}, {merged, inner});
      merged = graph.Emit(fmt::format("fpn.add.{}", i), Add{}, {inner, up});
    } else {
      merged = inner;
    }
    graph.outputs.insert(graph.outputs.begin(),
                         graph.Emit(fmt::format("fpn.layer_blocks.{}.0", i), smooth, {merged}));
  }
  if (options.p6) {
    graph.outputs.push_back(graph.Emit("fpn.pool", Pool{.kernel = {1, 1}}, {graph.outputs.back()}));
  }
  return graph;
}

}  // namespace

LINNET_FAMILY(fpn) {
  return {MakeArch(Arch{"fpn",
                        "",
                        "feature pyramid on any architecture: maps of strides 4, 8, 16, 32",
                        "1612.03144",
                        {{"backbone=resnet50", 26852416, 6929104896, 0, 0, ""},
                         {"backbone=resnet50,frozen_bn=true", 26799296, 6929104896, 0, 0, ""}},
                        {},
                        {}},
                   Build)};
}

}  // namespace linnet
