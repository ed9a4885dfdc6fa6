#include "archs/inception.h"

namespace linnet {
namespace {

Padding BorderOf(Pair kernel, Border border, PaddingRule rule) {
  if (border == Border::kValid || kernel == k1x1) return {};
  if (rule == PaddingRule::kSame) return Padding::Same();
  return {false, kernel[0] / 2, kernel[1] / 2, kernel[0] / 2, kernel[1] / 2};
}

}  // namespace

void CheckInceptionOptions(const char* arch, const InceptionOptions& options) {
  ExpectOption(arch, "width", options.width, 0.01, 8);
  ExpectOption(arch, "dropout", options.dropout, 0, 0.99);
}

Conv2d InceptionGraph::Convolution(const ConvBox& box) const {
  return {.out_channels = Channels(box.channels),
          .kernel = box.kernel,
          .stride = {box.stride, box.stride},
          .padding = BorderOf(box.kernel, box.border, padding),
          .bias = bias};
}

Value InceptionGraph::Box(Value x, const std::string& prefix, const ConvBox& box) {
  const std::string name = prefix + box.name;
  x = graph.Emit(name + suffixes.conv, Convolution(box), {x});
  if (batch_norm) x = graph.Emit(name + suffixes.bn, BatchNorm{.eps = eps}, {x});
  return graph.Emit(name + suffixes.act, Act{}, {x});
}

Value InceptionGraph::Branch(Value x, const std::string& prefix,
                             const std::vector<ConvBox>& boxes) {
  for (const ConvBox& box : boxes) x = Box(x, prefix, box);
  return x;
}

Value InceptionGraph::MaxPool(Value x, const std::string& name, int stride, Border border) {
  return graph.Emit(
      name,
      Pool{.kernel = k3x3, .stride = {stride, stride}, .padding = BorderOf(k3x3, border, padding)},
      {x});
}

Value InceptionGraph::AveragePool(Value x, const std::string& name) {
  return graph.Emit(name,
                    Pool{.kind = PoolKind::kAverage,
                         .kernel = k3x3,
                         .stride = {1, 1},
                         .padding = BorderOf(k3x3, Border::kSame, padding),
                         .count_include_pad = count_include_pad},
                    {x});
}

Value InceptionGraph::Concatenate(const std::string& name, std::vector<Value> branches) {
  return graph.Emit(name, Concat{}, std::move(branches));
}

Value InceptionV4Stem(InceptionGraph& net, Value x, const std::string& prefix, bool small_input) {
  const int stride = small_input ? 1 : 2;
  const auto name = [&](int module) { return prefix + std::to_string(module); };
  x = net.Box(x, name(0), {"", 32, k3x3, stride, Border::kValid});
  x = net.Box(x, name(1), {"", 32, k3x3, 1, Border::kValid});
  x = net.Box(x, name(2), {"", 64, k3x3});

  const Value pool3 = net.MaxPool(x, name(3) + ".maxpool", stride, Border::kValid);
  const Value conv3 = net.Box(x, name(3), {".conv", 96, k3x3, stride, Border::kValid});
  x = net.Concatenate(name(3), {pool3, conv3});

  const Value branch0 =
      net.Branch(x, name(4), {{".branch0.0", 64}, {".branch0.1", 96, k3x3, 1, Border::kValid}});
  const Value branch1 = net.Branch(x, name(4),
                                   {{".branch1.0", 64},
                                    {".branch1.1", 64, k1x7},
                                    {".branch1.2", 64, k7x1},
                                    {".branch1.3", 96, k3x3, 1, Border::kValid}});
  x = net.Concatenate(name(4), {branch0, branch1});

  const Value conv5 = net.Box(x, name(5), {".conv", 192, k3x3, 2, Border::kValid});
  const Value pool5 = net.MaxPool(x, name(5) + ".maxpool", 2, Border::kValid);
  return net.Concatenate(name(5), {conv5, pool5});
}

}  // namespace linnet
